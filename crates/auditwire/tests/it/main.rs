//! The binary as a user runs it.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on shall say why and fail"
)]

mod analysts;
mod canary;
mod cli;
mod clocks;
mod console;
mod copy;
mod crash;
mod deaths;
mod demo;
mod door;
mod events;
mod folder;
mod full;
mod keys;
mod limits;
mod logs;
mod loopback;
mod notify;
mod process;
mod quarantine;
mod questions;
mod receive;
mod receivers;
mod receivers_check;
mod restore;
mod retention;
mod script;
mod serve;
mod sign_in;
mod signals;
mod streams;
mod sync;
mod world;
