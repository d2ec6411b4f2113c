//! Prints an expression back as text that the search language reads as the same expression.
//!
//! Quoted is every value that the model product's grammar would not take bare (product section 2), so that a printed
//! filter works there too. The empty expression prints as nothing.

use std::fmt::{self, Display, Formatter};

use super::expr::{Expr, Field, Op, Value};
use super::lex::Keyword;

/// Every event has an action, so this holds for all; the language has no word for "true".
const ALWAYS: &str = "action EXIST";

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            _ => print(self, f),
        }
    }
}

fn print(expr: &Expr, f: &mut Formatter<'_>) -> fmt::Result {
    match expr {
        Expr::All => f.write_str(ALWAYS),
        Expr::And(terms) => match terms.as_slice() {
            [] => f.write_str(ALWAYS),
            terms => join(terms, " AND ", f),
        },
        Expr::Or(terms) => match terms.as_slice() {
            [] => write!(f, "NOT {ALWAYS}"),
            terms => join(terms, " OR ", f),
        },
        Expr::Not(term) => {
            f.write_str("NOT ")?;
            operand(term, f)
        }
        Expr::Compare(field, op, value) => write!(f, "{field} {op} {value}"),
        Expr::Exists(field) => write!(f, "{field} EXIST"),
        Expr::Word(text) => value(text, f),
    }
}

fn join(terms: &[Expr], with: &str, f: &mut Formatter<'_>) -> fmt::Result {
    if let [only] = terms {
        return print(only, f);
    }
    for (at, term) in terms.iter().enumerate() {
        if at > 0 {
            f.write_str(with)?;
        }
        operand(term, f)?;
    }
    Ok(())
}

/// A term of something larger, in parentheses when it is joined itself. AND binds tighter than OR, but people read
/// parentheses faster than precedence.
fn operand(term: &Expr, f: &mut Formatter<'_>) -> fmt::Result {
    match term {
        Expr::And(terms) | Expr::Or(terms) if terms.len() == 1 => terms.iter().try_for_each(|only| operand(only, f)),
        Expr::And(terms) | Expr::Or(terms) if !terms.is_empty() => {
            f.write_str("(")?;
            print(term, f)?;
            f.write_str(")")
        }
        _ => print(term, f),
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (prefix, key) = match self {
            Self::Column(column) => return f.write_str(Self::column_name(*column).unwrap_or("unknown")),
            Self::SubjectMetadata(key) => ("subject.metadata.", key),
            Self::ResourceMetadata(key) => ("resource.metadata.", key),
        };
        f.write_str(prefix)?;
        if key.split('.').all(is_name) { f.write_str(key) } else { quote(key, f) }
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => ":",
        })
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        value(&self.to_text(), f)
    }
}

/// A value, in quotes where it needs them.
fn value(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    let bare = (is_name(text) && Keyword::parse(text).is_none()) || is_number(text);
    if bare { f.write_str(text) } else { quote(text, f) }
}

/// `text` in quotes.
pub(super) fn quoted(text: &str) -> String {
    struct Quoted<'t>(&'t str);
    impl Display for Quoted<'_> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            quote(self.0, f)
        }
    }
    Quoted(text).to_string()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn quote(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for part in text.split_inclusive(['"', '\\']) {
        match part.as_bytes().last() {
            Some(last @ (b'"' | b'\\')) => {
                write!(f, "{}\\{}", &part[..part.len() - 1], char::from(*last))?;
            }
            _ => f.write_str(part)?,
        }
    }
    f.write_str("\"")
}
