//! Which of the two attributes is being expanded, and in what the two differ.
//!
//! It owns their names and defaults; it must not know of tokens.

use std::fmt;

/// One of the two attributes. It displays as the user writes it, in the backquotes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// `#[filch::main]`
    Main,
    /// `#[filch::test]`
    Test,
}

/// The kind of runtime, by the name of the constructor of `filch::runtime::Builder`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    MultiThread,
    CurrentThread,
}

impl Attribute {
    /// The kind of runtime when no option says otherwise: a program wants all the cores, a test
    /// wants few threads and an order of polls that is the same in every run.
    pub(crate) fn default_flavor(self) -> Flavor {
        match self {
            Attribute::Main => Flavor::MultiThread,
            Attribute::Test => Flavor::CurrentThread,
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Attribute::Main => "`#[filch::main]`",
            Attribute::Test => "`#[filch::test]`",
        })
    }
}

impl Flavor {
    /// The value of the option `flavor`, which is the name of the constructor too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Flavor::MultiThread => "multi_thread",
            Flavor::CurrentThread => "current_thread",
        }
    }
}
