//! One mistake in the use of an attribute, and its form as a compile error.
//!
//! It owns the way a message gets to the compiler; it must not know which mistakes there are.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// What is wrong, and the tokens the compiler underlines for it.
pub(crate) struct Error {
    first: Span,
    last: Span,
    message: String,
}

impl Error {
    /// A mistake in one token.
    pub(crate) fn at(span: Span, message: impl Into<String>) -> Error {
        Error {
            first: span,
            last: span,
            message: message.into(),
        }
    }

    /// A mistake in a run of tokens; in the attribute itself when the run is empty.
    pub(crate) fn over(tokens: &[TokenTree], message: impl Into<String>) -> Error {
        let span = |token: Option<&TokenTree>| token.map_or_else(Span::call_site, TokenTree::span);
        Error {
            first: span(tokens.first()),
            last: span(tokens.last()),
            message: message.into(),
        }
    }

    /// `::core::compile_error! { "message" }`, which is an item as well as an expression.
    ///
    /// The compiler underlines a macro call from its first token to its last one, so these two
    /// carry the ends of the wrong tokens.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let separator = || {
            [
                TokenTree::from(Punct::new(':', Spacing::Joint)),
                TokenTree::from(Punct::new(':', Spacing::Alone)),
            ]
        };
        let mut tokens = Vec::new();
        tokens.extend(separator());
        tokens.push(Ident::new("core", self.first).into());
        tokens.extend(separator());
        tokens.push(Ident::new("compile_error", self.first).into());
        tokens.push(Punct::new('!', Spacing::Alone).into());
        let message = TokenTree::from(Literal::string(&self.message));
        tokens.push(Group::new(Delimiter::Brace, message.into()).into());

        let last = tokens.len() - 1;
        for (index, token) in tokens.iter_mut().enumerate() {
            token.set_span(if index == last { self.last } else { self.first });
        }
        tokens.into_iter().collect()
    }
}
