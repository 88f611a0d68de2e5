//! The code that takes the place of an attribute and its function.
//!
//! It owns the shape of that code; it must not know how options and functions are read.
//!
//! The `async fn` stays as it is, inside of a function of the same name that is not async:
//!
//! ```text
//! fn main() -> T {
//!     async fn main() -> T { /* the body */ }
//!     /* build a runtime and let it block on `main()` */
//! }
//! ```
//!
//! The tokens of the user are moved and never changed, so the compiler speaks of the body and of the
//! return type as it does of every `async fn`; the type of a `?` is known, and `-> impl Trait` means
//! what it says. No name but the function's own is added to what the body sees.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

use crate::attribute::Attribute;
use crate::error::Error;
use crate::function::{Function, Rejection, StandIn};
use crate::options::Options;

/// Expands `#[attribute(options)] item`.
pub(crate) fn expand(attribute: Attribute, options: TokenStream, item: TokenStream) -> TokenStream {
    let function = match Function::parse(attribute, item.clone()) {
        Ok(function) => function,
        Err(Rejection { error, stand_in }) => return rejected(error, stand_in, item),
    };
    match Options::parse(attribute, options) {
        Ok(options) => started(attribute, &options, function),
        // The function is expanded even so: a wrong option is no reason to hide what else is wrong,
        // and editors complete names in the body while the options are being typed.
        Err(error) => {
            let function = started(attribute, &Options::of(attribute), function);
            TokenStream::from_iter([error.into_tokens(), function])
        }
    }
}

/// The message, and whatever keeps the compiler from adding others to it.
fn rejected(error: Error, stand_in: StandIn, item: TokenStream) -> TokenStream {
    let error = error.into_tokens();
    match stand_in {
        StandIn::Item => TokenStream::from_iter([error, item]),
        StandIn::Head(head) => TokenStream::from_iter([head, braces(error, Span::mixed_site())]),
    }
}

/// The function that starts a runtime and blocks on the user's.
fn started(attribute: Attribute, options: &Options, function: Function) -> TokenStream {
    let Function {
        attributes,
        visibility,
        mut asyncness,
        keyword,
        name,
        arguments,
        output,
        body,
    } = function;
    // The braces of the user, so that the compiler takes the outer function for the user's and says
    // when it is never called. The inner one is marked as generated, or else clippy would advise
    // to remove an `async` without `.await` that the attribute demands.
    let braces_span = body.span();
    asyncness.set_span(Span::mixed_site().located_at(asyncness.span()));

    let call = [
        TokenTree::from(name.clone()),
        TokenTree::from(arguments.clone()),
    ];
    let mut head = TokenStream::from(TokenTree::from(keyword));
    head.extend(call.clone());
    head.extend(output);

    let mut content = TokenStream::from(TokenTree::from(asyncness));
    content.extend(head.clone());
    content.extend([TokenTree::from(body)]);
    content.extend(run(attribute, options, call.into_iter().collect()));

    let test = match attribute {
        Attribute::Main => TokenStream::new(),
        Attribute::Test => hidden("#[::core::prelude::v1::test]"),
    };
    TokenStream::from_iter([
        test,
        attributes,
        visibility,
        head,
        braces(content, braces_span),
    ])
}

/// The statements that build the runtime and block on the future that `call` makes.
///
/// The methods are called on references, because there the methods of the type itself come first:
/// on the plain value, a trait of the user with a `build(self)` would win over `build(&mut self)`.
/// The names of the variables are such that no constant in the user's module has one of them.
fn run(attribute: Attribute, options: &Options, call: TokenStream) -> TokenStream {
    let filch = options.filch.clone().unwrap_or_else(|| hidden("::filch"));
    let constructor = options.flavor.name();
    let workers = match options.workers {
        Some(workers) => format!("let filch_builder = filch_builder.workers({workers});"),
        None => String::new(),
    };

    TokenStream::from_iter([
        hidden("let filch_builder = &mut"),
        filch,
        hidden(&format!("::runtime::Builder::{constructor}();")),
        hidden(&workers),
        options
            .start_paused
            .map_or_else(TokenStream::new, start_paused),
        hidden("let filch_future ="),
        call,
        hidden(&format!(
            "; match filch_builder.build() {{
                ::core::result::Result::Ok(filch_runtime) =>
                    (&filch_runtime).block_on(filch_future),
                ::core::result::Result::Err(filch_error) =>
                    ::core::panic!(\"{attribute} could not start the runtime: {{}}\", filch_error),
            }}"
        )),
    ])
}

/// The call of `start_paused`, which exists only with a feature: its name has the span of the
/// option, so that the compiler reports a missing feature there.
fn start_paused(option: Span) -> TokenStream {
    let call = hidden("let filch_builder = filch_builder.start_paused(true);");
    let with_span = |mut token: TokenTree| {
        if matches!(&token, TokenTree::Ident(name) if name.to_string() == "start_paused") {
            token.set_span(option);
        }
        token
    };
    call.into_iter().map(with_span).collect()
}

/// Reads `source`, which is ours, as tokens whose variables the user's code does not see.
fn hidden(source: &str) -> TokenStream {
    respanned(
        source
            .parse()
            .expect("the templates in this file are sequences of Rust tokens"),
    )
}

fn respanned(tokens: TokenStream) -> TokenStream {
    let respan = |token| {
        let mut token = match token {
            TokenTree::Group(group) => {
                TokenTree::from(Group::new(group.delimiter(), respanned(group.stream())))
            }
            other => other,
        };
        token.set_span(Span::mixed_site());
        token
    };
    tokens.into_iter().map(respan).collect()
}

fn braces(tokens: TokenStream, span: Span) -> TokenStream {
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(span);
    TokenTree::from(group).into()
}
