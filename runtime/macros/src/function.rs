//! The function below an attribute, taken apart.
//!
//! It owns the reading of a function item and the demands on it; it must not know of the options,
//! nor of the code that starts the runtime.

use proc_macro::{Delimiter, Group, Ident, TokenStream, TokenTree};

use crate::attribute::Attribute;
use crate::error::Error;

/// An `async fn` without arguments, generic parameters and further qualifiers.
pub(crate) struct Function {
    /// `#[should_panic] #[doc = "..."]`: all the attributes but the one being expanded.
    pub(crate) attributes: TokenStream,
    /// `pub(crate)`, or nothing.
    pub(crate) visibility: TokenStream,
    /// `async`
    pub(crate) asyncness: Ident,
    /// `fn`
    pub(crate) keyword: Ident,
    /// `main`
    pub(crate) name: Ident,
    /// `()`
    pub(crate) arguments: Group,
    /// `-> Result<(), Error> where ...`, or nothing.
    pub(crate) output: TokenStream,
    /// `{ ... }`
    pub(crate) body: Group,
}

/// Why an item cannot be started, and what takes its place beside the message, so that the
/// compiler has nothing more to say about it.
pub(crate) struct Rejection {
    pub(crate) error: Error,
    pub(crate) stand_in: StandIn,
}

/// What takes the place of a rejected item.
pub(crate) enum StandIn {
    /// The item as it is: it is no function.
    Item,
    /// A function with this head, whose body is the message: its own body would give errors that
    /// follow from the first, and without it the name, of all things `main`, would be missing.
    Head(TokenStream),
}

impl Function {
    /// Takes the item apart, or says why the attribute cannot stand on it.
    pub(crate) fn parse(attribute: Attribute, item: TokenStream) -> Result<Function, Rejection> {
        let tokens = flattened(item);
        let (attributes, rest) = tokens.split_at(attributes_len(&tokens));
        let (visibility, rest) = rest.split_at(visibility_len(rest));

        let start = rest;
        let qualifiers_len = rest.iter().take_while(|token| is_qualifier(token)).count();
        let (qualifiers, rest) = rest.split_at(qualifiers_len);
        let [
            TokenTree::Ident(keyword),
            TokenTree::Ident(name),
            signature @ ..,
        ] = rest
        else {
            return Err(no_function(attribute, start));
        };
        if keyword.to_string() != "fn" {
            return Err(no_function(attribute, start));
        }

        let mut head: Vec<TokenTree> = visibility.to_vec();
        let no_arguments = Group::new(Delimiter::Parenthesis, TokenStream::new());
        head.extend([
            keyword.clone().into(),
            name.clone().into(),
            no_arguments.into(),
        ]);
        let reject = |head: &[TokenTree], error: Error| Rejection {
            error,
            stand_in: StandIn::Head(head.iter().cloned().collect()),
        };

        let [
            TokenTree::Group(arguments),
            output @ ..,
            TokenTree::Group(body),
        ] = signature
        else {
            let error = if signature.first().is_some_and(is_less_than) {
                Error::at(
                    signature[0].span(),
                    format!(
                        "{attribute} starts a function without generic parameters: remove them, \
                         or call a generic `async fn` from the body"
                    ),
                )
            } else {
                let message =
                    format!("{attribute} needs a function with a body: write `{{ ... }}`");
                Error::over(&signature[signature.len().saturating_sub(1)..], message)
            };
            return Err(reject(&head, error));
        };

        head.extend(output.iter().cloned());
        let asyncness = check_qualifiers(attribute, qualifiers, keyword)
            .and_then(|asyncness| {
                check_arguments(attribute, name, arguments)?;
                check_attributes(attribute, attributes)?;
                Ok(asyncness)
            })
            .map_err(|error| reject(&head, error))?;

        Ok(Function {
            attributes: attributes.iter().cloned().collect(),
            visibility: visibility.iter().cloned().collect(),
            asyncness,
            keyword: keyword.clone(),
            name: name.clone(),
            arguments: arguments.clone(),
            output: output.iter().cloned().collect(),
            body: body.clone(),
        })
    }
}

/// The tokens of the item, without the invisible parentheses that `macro_rules!` puts around a
/// whole `$item`, around `$vis` and around a `$body:block`. Those of a type stay: they are one.
fn flattened(item: TokenStream) -> Vec<TokenTree> {
    let invisible = |token: &TokenTree| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            Some(group.stream().into_iter().collect::<Vec<_>>())
        }
        _ => None,
    };
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    while let [only] = &tokens[..] {
        let Some(inside) = invisible(only) else { break };
        tokens = inside;
    }
    let at = attributes_len(&tokens);
    if let Some(inside) = tokens.get(at).and_then(invisible) {
        tokens.splice(at..=at, inside);
    }
    if let Some(inside) = tokens.last().and_then(invisible) {
        tokens.pop();
        tokens.extend(inside);
    }
    tokens
}

/// How many tokens the attributes at the start of an item take: two each.
fn attributes_len(tokens: &[TokenTree]) -> usize {
    2 * tokens
        .chunks_exact(2)
        .take_while(|pair| attribute_content(pair).is_some())
        .count()
}

/// What stands in the brackets, if the pair of tokens is `#[...]`.
fn attribute_content(pair: &[TokenTree]) -> Option<TokenStream> {
    match pair {
        [TokenTree::Punct(hash), TokenTree::Group(group)]
            if hash.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group.stream())
        }
        _ => None,
    }
}

/// How many tokens `pub` or `pub(...)` takes.
fn visibility_len(tokens: &[TokenTree]) -> usize {
    match tokens {
        [TokenTree::Ident(word), rest @ ..] if word.to_string() == "pub" => match rest {
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Parenthesis => 2,
            _ => 1,
        },
        _ => 0,
    }
}

/// Whether the token may stand between the visibility and `fn`; a literal is the ABI of `extern`.
fn is_qualifier(token: &TokenTree) -> bool {
    const QUALIFIERS: [&str; 5] = ["async", "const", "extern", "safe", "unsafe"];
    match token {
        TokenTree::Ident(word) => QUALIFIERS.contains(&word.to_string().as_str()),
        TokenTree::Literal(_) => true,
        _ => false,
    }
}

fn is_less_than(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '<')
}

fn no_function(attribute: Attribute, item: &[TokenTree]) -> Rejection {
    let message = format!("{attribute} stands on an `async fn`, and this is no function");
    Rejection {
        error: Error::over(&item[..item.len().min(1)], message),
        stand_in: StandIn::Item,
    }
}

/// Finds `async`, and nothing beside it.
fn check_qualifiers(
    attribute: Attribute,
    qualifiers: &[TokenTree],
    keyword: &Ident,
) -> Result<Ident, Error> {
    let mut asyncness = None;
    for qualifier in qualifiers {
        match qualifier {
            TokenTree::Ident(word) if word.to_string() == "async" => asyncness = Some(word.clone()),
            other => {
                return Err(Error::over(
                    qualifiers,
                    format!("{attribute} starts a plain `async fn`: remove `{other}`"),
                ));
            }
        }
    }
    asyncness.ok_or_else(|| {
        Error::at(
            keyword.span(),
            format!("{attribute} needs an async function: write `async fn`"),
        )
    })
}

fn check_arguments(attribute: Attribute, name: &Ident, arguments: &Group) -> Result<(), Error> {
    if arguments.stream().is_empty() {
        return Ok(());
    }
    let instead = match attribute {
        Attribute::Main => "read `std::env::args()` in the body",
        Attribute::Test => "make them variables of the body",
    };
    Err(Error::at(
        arguments.span(),
        format!("nobody passes arguments to `{name}` under {attribute}: {instead}"),
    ))
}

/// Looks for a second attribute that makes a program or a test out of the function: `#[test]`,
/// `#[filch::test]`, and those of the same last name from elsewhere.
fn check_attributes(attribute: Attribute, attributes: &[TokenTree]) -> Result<(), Error> {
    for pair in attributes.chunks_exact(2) {
        let content = attribute_content(pair).unwrap_or_default();
        let name = last_name(content);
        let what = match name.as_deref() {
            Some("test") => "makes a test of this function too, which would run twice",
            Some("main") => "starts this function too, which would need two runtimes",
            _ => continue,
        };
        return Err(Error::over(
            pair,
            format!("this attribute {what}: keep it or {attribute}, not both"),
        ));
    }
    Ok(())
}

/// `test` for `test`, `::core::prelude::v1::test` and `filch::test(workers = 2)`.
fn last_name(content: TokenStream) -> Option<String> {
    let mut name = None;
    for token in content {
        match token {
            TokenTree::Ident(word) => name = Some(word.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            _ => break,
        }
    }
    name
}
