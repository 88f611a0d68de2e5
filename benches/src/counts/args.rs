//! The command line of `counts`.
//!
//! This file owns the spelling of the options. It must not know which operations exist.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The subject that is measured when none is named, and the one the built-in bounds are about.
pub(crate) const DEFAULT_SUBJECT: &str = "filch";

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: counts [options]
  --only OP       measure this operation only (may be repeated)
  --bounds FILE   judge by FILE instead of the built-in counts.bounds
  --no-check      measure without judging
  --strict        exit with 1 also when a bound could not be checked
  --json          print one JSON object instead of a table
  --explain OP    print the functions that OP spends its instructions in
  --subject NAME  measure NAME instead of filch
  --list          print the subjects and their operations
exit status: 0 all bounds met, 1 a bound exceeded or an operation failed, 2 misuse
";

/// What the program was asked to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Role {
    /// Measure and judge.
    Report,
    /// Attribute one operation's cost to functions.
    Explain(String),
    /// Perform operations and end; used by the program on itself.
    Child {
        /// The operation's name.
        operation: String,
        /// How often to perform it.
        n: u64,
        /// Where the other end waits, for an operation that has one; without it, the process is both ends.
        other_end: Option<SocketAddr>,
        /// Whether to print how much was allocated.
        count_allocations: bool,
    },
    /// Print the operations.
    List,
    /// Print the options.
    Help,
}

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) role: Role,
    pub(crate) subject: String,
    pub(crate) only: Vec<String>,
    pub(crate) bounds: Option<PathBuf>,
    pub(crate) no_check: bool,
    pub(crate) strict: bool,
    pub(crate) json: bool,
}

impl Args {
    /// Reads the options; the error is one sentence for the user.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Args, String> {
        let mut args = Args {
            role: Role::Report,
            subject: DEFAULT_SUBJECT.to_owned(),
            only: Vec::new(),
            bounds: None,
            no_check: false,
            strict: false,
            json: false,
        };
        let (mut operation, mut n, mut count_allocations) = (None, None, false);
        let mut other_end = None;
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--only" => args.only.push(value()?),
                "--bounds" => args.bounds = Some(value()?.into()),
                "--no-check" => args.no_check = true,
                "--strict" => args.strict = true,
                "--json" => args.json = true,
                "--explain" => args.role = Role::Explain(value()?),
                "--subject" => args.subject = value()?,
                "--list" => args.role = Role::List,
                "--help" | "-h" => args.role = Role::Help,
                "--child" => operation = Some(value()?),
                "--n" => {
                    let text = value()?;
                    n = Some(
                        text.parse()
                            .map_err(|_| format!("--n needs a whole number, not `{text}`"))?,
                    );
                }
                "--other-end" => {
                    let text = value()?;
                    let address = text.parse();
                    other_end = Some(address.map_err(|_| {
                        format!("--other-end needs an address and a port, not `{text}`")
                    })?);
                }
                "--allocations" => count_allocations = true,
                other => return Err(format!("unknown option `{other}`")),
            }
        }
        args.role = match (operation, n) {
            (Some(operation), Some(n)) => Role::Child {
                operation,
                n,
                other_end,
                count_allocations,
            },
            (None, None) if !count_allocations && other_end.is_none() => args.role,
            _ => return Err("--child and --n are used together".to_owned()),
        };
        if args.no_check && (args.bounds.is_some() || args.strict) {
            return Err("--no-check contradicts --bounds and --strict".to_owned());
        }
        Ok(args)
    }
}
