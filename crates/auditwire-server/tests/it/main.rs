//! The service as its clients see it: in process on a store in memory, and over real sockets where those matter.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on shall say why and fail")]

mod beside;
mod bodies;
mod connections;
mod console;
mod events;
mod export;
mod objects;
mod openapi;
mod origins;
mod overview;
mod quarantine;
mod reading;
mod replays;
mod retention;
mod rights;
mod safety;
mod service;
mod sign_in_links;
mod sockets;
mod strictness;
mod syslog;
mod tail;
mod tokens;
mod webhook;
