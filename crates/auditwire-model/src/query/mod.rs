//! The search language: its text form, its syntax tree, and its one meaning.
//!
//! [`parse`] turns text into an [`Expr`] or an explained [`QueryError`]; printing an [`Expr`] gives text that parses to
//! the same one; [`evaluate`] decides it for the rows of a record batch. `docs/search-language.md` is for those who write
//! queries.

mod compare;
mod complete;
mod error;
mod evaluate;
mod expr;
mod fold;
mod lex;
mod parse;
mod print;
mod suggest;
mod texts;
mod time;
mod value;

#[cfg(test)]
mod tests;

pub use complete::{Completing, Completion, complete};
pub use error::{Hint, QueryError};
pub use evaluate::{Selected, evaluate};
pub use expr::{Expr, Field, Op, Value};
pub use parse::{Parsed, QUERY_BYTES_MAX, QUERY_DEPTH_MAX, parse};
pub use time::{InvalidTime, read_time};
