//! What stands between the parentheses of an attribute: `workers = 4, flavor = "multi_thread"`.
//!
//! It owns the grammar of the options and their meaning together; it must not know of the function
//! below the attribute, nor of the code that starts the runtime.

use proc_macro::{Delimiter, Ident, Span, TokenStream, TokenTree};

use crate::attribute::{Attribute, Flavor};
use crate::error::Error;

/// The most workers a runtime may be asked for: a slip such as an additional zero is to fail in the
/// build and not in the program.
const MAX_WORKERS: u64 = 1024;

/// The options with an example of each, which the messages show.
const OPTIONS: [(&str, &str); 4] = [
    ("workers", "workers = 4"),
    ("flavor", "flavor = \"current_thread\""),
    ("start_paused", "start_paused = true"),
    ("crate", "crate = \"my_path::filch\""),
];

/// The runtime that the user asked for.
pub(crate) struct Options {
    pub(crate) flavor: Flavor,
    pub(crate) workers: Option<u64>,
    /// Where `start_paused = true` is written, if it is.
    pub(crate) start_paused: Option<Span>,
    /// The path to the crate `filch`, if it is not `::filch`.
    pub(crate) filch: Option<TokenStream>,
}

impl Options {
    /// What the attribute means without parentheses.
    pub(crate) fn of(attribute: Attribute) -> Options {
        Options {
            flavor: attribute.default_flavor(),
            workers: None,
            start_paused: None,
            filch: None,
        }
    }

    /// Reads the options, or says what is wrong with the first wrong one.
    pub(crate) fn parse(attribute: Attribute, tokens: TokenStream) -> Result<Options, Error> {
        let mut options = Options::of(attribute);
        let mut flavor = None;
        let mut seen: Vec<Setting> = Vec::new();

        for setting in settings(attribute, tokens)? {
            let name = setting.name.to_string();
            if seen.iter().any(|earlier| earlier.name.to_string() == name) {
                return Err(Error::at(
                    setting.name.span(),
                    format!("the option `{name}` is given twice: keep one of the two"),
                ));
            }
            match name.as_str() {
                "workers" => options.workers = Some(setting.workers()?),
                "flavor" => flavor = Some(setting.flavor()?),
                "start_paused" => {
                    options.start_paused = setting.boolean()?.then(|| setting.name.span());
                }
                // The only other name that `settings` lets through is `crate`.
                _ => options.filch = Some(setting.path()?),
            }
            seen.push(setting);
        }

        options.flavor = match (flavor, options.workers) {
            (Some(Flavor::CurrentThread), Some(_)) => {
                let workers = seen
                    .iter()
                    .find(|setting| setting.name.to_string() == "workers");
                return Err(Error::over(
                    &workers.map_or_else(Vec::new, Setting::tokens),
                    "a current_thread runtime has no workers: remove `workers`, or write \
                     `flavor = \"multi_thread\"`",
                ));
            }
            (Some(flavor), _) => flavor,
            (None, Some(_)) => Flavor::MultiThread,
            (None, None) => attribute.default_flavor(),
        };
        Ok(options)
    }
}

/// One `name = value`; the value has at least one token.
struct Setting {
    name: Ident,
    value: Vec<TokenTree>,
}

/// Splits at the commas; every setting that comes back has the name of an option.
fn settings(attribute: Attribute, tokens: TokenStream) -> Result<Vec<Setting>, Error> {
    let mut tokens: Vec<TokenTree> = tokens.into_iter().collect();
    if tokens.last().is_some_and(|last| is_punct(last, ',')) {
        tokens.pop();
    }
    let mut settings = Vec::new();
    if tokens.is_empty() {
        return Ok(settings);
    }

    let mut end = 0;
    for part in tokens.split(|token| is_punct(token, ',')) {
        let start = end;
        end = (start + part.len() + 1).min(tokens.len());
        let Some(TokenTree::Ident(name)) = part.first() else {
            // With its comma, since there may be nothing else to underline.
            return Err(Error::over(
                &tokens[start..end],
                format!("expected an option: {}", known(attribute)),
            ));
        };
        let text = name.to_string();
        let Some((_, example)) = OPTIONS.iter().find(|(option, _)| *option == text) else {
            return Err(Error::at(
                name.span(),
                format!("there is no option `{text}`: {}", known(attribute)),
            ));
        };
        if part.len() < 3 || !is_punct(&part[1], '=') {
            return Err(Error::over(
                part,
                format!("the option `{text}` needs a value: write `{example}`"),
            ));
        }
        let value = &part[2..];
        // A second `name =` inside of a value is the sign of a forgotten comma.
        for window in value.windows(3) {
            if let [before, TokenTree::Ident(next), equals] = window {
                if is_punct(equals, '=') && !matches!(before, TokenTree::Punct(_)) {
                    return Err(Error::at(
                        next.span(),
                        format!("a comma is missing before `{next}`: write `, {next} = ...`"),
                    ));
                }
            }
        }
        settings.push(Setting {
            name: name.clone(),
            value: ungrouped(value),
        });
    }
    Ok(settings)
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// The end of a message about an option that does not exist.
fn known(attribute: Attribute) -> String {
    let examples: Vec<String> = OPTIONS
        .iter()
        .map(|(_, example)| format!("`{example}`"))
        .collect();
    format!("{attribute} takes {}", examples.join(", "))
}

/// Takes off the invisible parentheses around what a `macro_rules!` macro passed on.
fn ungrouped(value: &[TokenTree]) -> Vec<TokenTree> {
    match value {
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => {
            group.stream().into_iter().collect()
        }
        _ => value.to_vec(),
    }
}

impl Setting {
    fn tokens(&self) -> Vec<TokenTree> {
        let name = TokenTree::from(self.name.clone());
        std::iter::once(name)
            .chain(self.value.iter().cloned())
            .collect()
    }

    fn wrong(&self, message: impl Into<String>) -> Error {
        Error::over(&self.value, message)
    }

    fn workers(&self) -> Result<u64, Error> {
        let number = match &self.value[..] {
            [TokenTree::Literal(literal)] => integer(&literal.to_string()),
            _ => None,
        };
        match number {
            Some(number) if (1..=MAX_WORKERS).contains(&number) => Ok(number),
            Some(0) => Err(self.wrong(
                "`workers = 0` leaves nobody to run the tasks: write at least `workers = 1`, or \
                 `flavor = \"current_thread\"` to run them on the calling thread",
            )),
            Some(_) => Err(self.wrong(format!("`workers` is at most {MAX_WORKERS}"))),
            None => Err(self.wrong(format!(
                "`workers` is an integer literal from 1 to {MAX_WORKERS}: write `workers = 4`"
            ))),
        }
    }

    fn flavor(&self) -> Result<Flavor, Error> {
        let text = self.string();
        [Flavor::MultiThread, Flavor::CurrentThread]
            .into_iter()
            .find(|flavor| text.as_deref() == Some(flavor.name()))
            .ok_or_else(|| {
                self.wrong("`flavor` is `\"multi_thread\"` or `\"current_thread\"`, in quotes")
            })
    }

    fn boolean(&self) -> Result<bool, Error> {
        match &self.value[..] {
            [TokenTree::Ident(word)] if word.to_string() == "true" => Ok(true),
            [TokenTree::Ident(word)] if word.to_string() == "false" => Ok(false),
            _ => Err(self.wrong(format!("`{}` is `true` or `false`", self.name))),
        }
    }

    /// The path in a string, with the span of the string, so that a path which leads nowhere is
    /// reported there.
    fn path(&self) -> Result<TokenStream, Error> {
        let wrong =
            || self.wrong("`crate` is a path in quotes: write `crate = \"my_path::filch\"`");
        let text = self.string().ok_or_else(wrong)?;
        let names = text.strip_prefix("::").unwrap_or(&text).split("::");
        let is_name = |name: &str| {
            let name = name.strip_prefix("r#").unwrap_or(name);
            name.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        if !names.into_iter().all(is_name) {
            return Err(wrong());
        }
        let tokens: TokenStream = text.parse().map_err(|_| wrong())?;
        let span = self.value[0].span();
        Ok(tokens
            .into_iter()
            .map(|mut token| {
                token.set_span(span);
                token
            })
            .collect())
    }

    /// The text of a plain string literal; no value of an option has a need of escapes.
    fn string(&self) -> Option<String> {
        let [TokenTree::Literal(literal)] = &self.value[..] else {
            return None;
        };
        let literal = literal.to_string();
        let text = literal.strip_prefix('"')?.strip_suffix('"')?;
        (!text.contains('\\')).then(|| text.to_owned())
    }
}

/// The value of an integer literal: any radix, underscores, and a suffix of an integer type.
fn integer(literal: &str) -> Option<u64> {
    let digits = literal.replace('_', "");
    let (digits, radix) = match digits.get(..2) {
        Some("0x") => (&digits[2..], 16),
        Some("0o") => (&digits[2..], 8),
        Some("0b") => (&digits[2..], 2),
        _ => (&digits[..], 10),
    };
    let end = digits.find(['u', 'i']).unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    let is_suffix = matches!(
        suffix.get(1..),
        None | Some("8" | "16" | "32" | "64" | "128" | "size")
    );
    u64::from_str_radix(digits, radix)
        .ok()
        .filter(|_| is_suffix)
}
