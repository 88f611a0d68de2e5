//! A JSON value and its writer. It owns escaping and number formats; it must not know what is
//! written, and it does not read.

use std::fmt::{self, Write as _};

/// A JSON value. A map keeps the order in which its entries were added.
///
/// ```
/// use filch_bench::json::Value;
/// let value = Value::Map(vec![("tasks", 3.into()), ("pass", true.into())]);
/// assert_eq!(value.to_string(), r#"{"tasks":3,"pass":true}"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing is known, or the key does not apply.
    Null,
    /// A truth value.
    Flag(bool),
    /// A count.
    Int(u64),
    /// A measure. JSON has neither infinities nor NaN: they are written as `null`.
    Float(f64),
    /// A text, escaped when written.
    Text(String),
    /// Values in order.
    List(Vec<Value>),
    /// Keys with values, in order.
    Map(Vec<(&'static str, Value)>),
}

impl fmt::Display for Value {
    /// Writes the value on one line, without spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Int(count) => write!(f, "{count}"),
            Value::Float(measure) if measure.is_finite() => write!(f, "{measure}"),
            Value::Float(_) => f.write_str("null"),
            Value::Text(text) => quote(f, text),
            Value::List(values) => {
                f.write_char('[')?;
                for (i, value) in values.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    write!(f, "{comma}{value}")?;
                }
                f.write_char(']')
            }
            Value::Map(entries) => {
                f.write_char('{')?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    quote(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

/// Writes a JSON string: RFC 8259, section 7, wants the quotation mark, the backslash and the
/// control characters below U+0020 escaped.
fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if u32::from(c) < 0x20 => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Value {
        Value::Int(count)
    }
}

impl From<f64> for Value {
    fn from(measure: f64) -> Value {
        Value::Float(measure)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_must_be_escaped() {
        let text = Value::from("say \"hi\"\\\n\r\t\u{1}\u{1f} ü ✓");
        assert_eq!(text.to_string(), r#""say \"hi\"\\\n\r\t\u0001\u001f ü ✓""#);
    }

    #[test]
    fn keys_are_escaped_too() {
        assert_eq!(
            Value::Map(vec![("a\"b", Value::Null)]).to_string(),
            r#"{"a\"b":null}"#
        );
    }

    #[test]
    fn what_json_cannot_say_is_null() {
        for measure in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Value::from(measure).to_string(), "null");
        }
        assert_eq!(Value::from(None::<u64>).to_string(), "null");
    }

    #[test]
    fn numbers_are_written_in_full() {
        assert_eq!(Value::from(u64::MAX).to_string(), "18446744073709551615");
        assert_eq!(Value::from(0.25).to_string(), "0.25");
        assert_eq!(Value::from(1e21).to_string(), "1000000000000000000000");
    }

    #[test]
    fn nests() {
        let list = Value::List(vec![1.into(), Value::List(vec![]), Value::Map(vec![])]);
        assert_eq!(list.to_string(), "[1,[],{}]");
    }
}
