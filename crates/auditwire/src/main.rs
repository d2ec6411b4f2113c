//! The binary: verbs, configuration, wiring, lifecycle.

mod alerts;
mod check;
mod cli;
mod client;
mod clock;
mod clock_verbs;
mod config;
mod connections;
mod demo;
mod descriptors;
mod entry;
mod events;
mod failure;
mod hardening;
mod keys;
mod lifecycle;
mod minimums;
mod notify;
mod pem;
mod receive;
mod reload;
mod replay;
mod retention;
mod serve;
mod sign_in;
mod sockets;
mod store;
mod telemetry;
mod terminal;
mod tokens;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command};
use failure::{Failure, Result};

/// A third of intake's time went into the system allocator: an event has some twenty small texts, which are made on one
/// thread and freed on another. Huge pages are left out (`no_thp`): with them a quarter more memory stayed resident under
/// load, and nothing was quicker. Version 2 gives memory back a hundred times sooner than version 3: a third less of it under load,
/// for some 3 % more CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if minimums::too_little_for_any_verb() {
        return ExitCode::from(failure::FAILED);
    }
    failure::tell_panics();
    failure::report(run(Cli::parse().command))
}

fn run(command: Command) -> Result {
    if matches!(command, Command::Serve(_) | Command::Demo(_)) {
        minimums::refuse_too_little()?;
    }
    // Before anything is read, and before there is a second thread.
    hardening::no_memory_image();
    if matches!(command, Command::Serve(_) | Command::Demo(_) | Command::Store(_)) {
        hardening::private_files();
    }
    let listener = if matches!(command, Command::Serve(_)) { sockets::inherited()? } else { None };
    // One TLS provider for the whole process; libraries that look for "the default" find this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::caused_by("the runtime cannot start", &e))?;
    match command {
        Command::Serve(args) => {
            let ended = runtime.block_on(serve::run(args, listener));
            // Everything that was answered is on disk; work on a thread that hangs must not keep the process.
            runtime.shutdown_timeout(serve::REST_MAX);
            ended
        }
        Command::Demo(args) => runtime.block_on(demo::run(args)),
        Command::Connections(args) => runtime.block_on(connections::run(args)),
        Command::Check(args) => runtime.block_on(check::run(args)),
        Command::Events(args) => runtime.block_on(events::run(args)),
        Command::Replay(args) => runtime.block_on(replay::run(args)),
        Command::Alerts(args) => runtime.block_on(alerts::run(args)),
        Command::Clock(args) => runtime.block_on(clock_verbs::run(args)),
        Command::Keys(args) => runtime.block_on(keys::run(args)),
        Command::Tokens(args) => runtime.block_on(tokens::run(args)),
        Command::Retention(args) => runtime.block_on(retention::run(args)),
        Command::Store(args) => runtime.block_on(store::run(args)),
        Command::SignInLink(args) => runtime.block_on(sign_in::run(args)),
        Command::Receive(args) => runtime.block_on(receive::run(args)),
        Command::Completion { shell } => cli::completion(shell),
    }
}
