//! The search language: its syntax tree and its one meaning. The text form (lexer, parser) is not served yet;
//! connection filters and API parameters are compiled to [`Expr`] and evaluated here.

mod compare;
mod evaluate;
mod expr;
mod fold;
mod print;

#[cfg(test)]
mod tests;

pub use evaluate::{Selected, evaluate};
pub use expr::{Expr, Field, Op, Value};
