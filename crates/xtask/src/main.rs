//! The project's own automation: `cargo xtask VERB`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks to its user")]

mod analysts;
mod browser;
mod ci;
mod confined;
mod deny;
mod faults;
mod fuzz;
mod real;
mod run;
mod shim;
mod test;
mod tidy;
mod unit;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask VERB

  test [--real=auto|require|off] [-- ARGS]
      All tests. Gets what they need first: real syslog receivers (rsyslog, syslog-ng), readers of Parquet and axe-core into
      target/real/, without root; Chromium and its driver where they are installed, else, as root, by apt-get.
      auto     (default) run what can be had here and print which suites could not run and why
      require  fail when something cannot be had
      off      only what needs none of it
      ARGS go to `cargo test`, for example: cargo xtask test -- --test it rsyslog
  real
      Only fetch the receivers and print where they are.
  bench [ARGS]
      The benchmark: durable intake to a TCP receiver, and with `--only search` questions over a large log, beside DuckDB
      (see docs/benchmarks.md). `bench --help` lists what can be chosen.
  faults [--release] VERB [ARGS]
      The fault harness: real receivers and the real service die under load, and nothing may be missing (docs/delivery.md).
      `short` is what CI runs; `faults help` lists the others.
  fuzz [TARGET …] [--seconds N]
      Every reader of foreign bytes (crates/auditwire-fuzz), guided by coverage; needs a C++ compiler. 3 s each in CI, an hour before
      a release: --seconds 3600.
  spark
      Has Spark read an export (PyPI, half a GB, into target/real/; needs Java 17).
  screenshots
      Renews docs/console/*.png from the console's pages.
  tidy
      House rules that no lint knows.
  deny
      Bans, licences and sources of packages (deny.toml); advisories where their database can be had. Builds cargo-deny into
      target/real/ where it is not installed.
  confined [SUITES]
      Tests of the service behind the walls of the unit file: namespaces, a user without rights, its system calls. Needs root.
  unit
      systemd's checks of contrib/systemd/auditwire.service.
  ci
      What CI runs: house rules, packages, the unit file, formatting, clippy with warnings denied, `test --real=require`,
      `confined`, `fuzz`, `faults short`.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if std::env::var_os(fuzz::COMPILE).is_some() {
        eprintln!("xtask: {}", fuzz::compile(&args));
        return ExitCode::FAILURE;
    }
    let rest = args.get(1..).unwrap_or_default();
    let result = match args.first().map(String::as_str) {
        Some("test") => test::run(rest),
        Some("real") => real::fetch().map(|real| println!("{}", real.root.display())),
        Some("bench") => test::bench(rest),
        Some("faults") => faults::run(rest),
        Some("ci") => ci::run_all(),
        Some("spark") => analysts::spark(),
        Some("screenshots") => test::screenshots(),
        Some("tidy") => tidy::check(),
        Some("deny") => deny::check(),
        Some("confined") => confined::run(rest),
        Some(verb @ ("confine" | "confine-inside" | "confine-calls")) => confined::enter(verb, rest),
        Some("fuzz") => fuzz::run(rest),
        Some("unit") => unit::check(),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("which verb?\n\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
