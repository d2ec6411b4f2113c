//! The binary as a user runs it.

#![expect(clippy::expect_used, reason = "a test that cannot go on shall say why and fail")]

mod cli;
mod demo;
mod process;
mod receive;
mod serve;
