//! The test command and the benchmark command.

use std::process::Command;

use crate::run::{cargo, run as execute};
use crate::{analysts, browser, real, shim};

/// Environment variable that makes a missing part a failure.
const REQUIRED: &str = "AUDITWIRE_TEST_REAL_REQUIRED";
/// Environment variable with the preloaded library that watches and delays syncs.
const SHIM: &str = "AUDITWIRE_TEST_SHIM";
/// Environment variable with the folder of the Python packages that read Parquet.
const ANALYSTS: &str = "AUDITWIRE_TEST_ANALYSTS";

/// Something that suites of tests need beyond this repository. Each is had or not had on its own.
struct Part {
    /// What is told while it is fetched.
    what: &'static str,
    /// Which suites do not run without it.
    suites: &'static str,
    /// Gets it and tells the tests where it is.
    provide: fn(&mut Command) -> Result<(), String>,
}

const PARTS: &[Part] = &[
    Part {
        what: "rsyslog, syslog-ng and libfaketime, into target/real",
        suites: "with rsyslog and with syslog-ng, and under a wrong clock",
        provide: receivers,
    },
    Part { what: "the library that watches syncs", suites: "with watched syncs", provide: syncs },
    Part {
        what: "DuckDB, pyarrow and polars, into target/real",
        suites: "of segments and exports in other readers of Parquet",
        provide: readers,
    },
    Part { what: "Chromium", suites: "of the console in a browser", provide: chromium },
    Part {
        what: "a network of the tests' own (unshare, ip)",
        suites: "with a listener behind every forbidden address",
        provide: network,
    },
    Part { what: "axe-core, into target/real", suites: "of accessibility", provide: axe },
];

fn receivers(command: &mut Command) -> Result<(), String> {
    command.env("AUDITWIRE_TEST_REAL", real::fetch()?.root);
    Ok(())
}

fn syncs(command: &mut Command) -> Result<(), String> {
    command.env(SHIM, shim::build()?);
    Ok(())
}

fn readers(command: &mut Command) -> Result<(), String> {
    command.env(ANALYSTS, analysts::fetch()?);
    Ok(())
}

fn chromium(command: &mut Command) -> Result<(), String> {
    let found = browser::browser()?;
    command.env("AUDITWIRE_TEST_CHROMIUM", found.chromium).env("AUDITWIRE_TEST_CHROMEDRIVER", found.driver);
    Ok(())
}

/// As root a network namespace is enough; others need a user namespace, where that is allowed.
fn network(_: &mut Command) -> Result<(), String> {
    let possible = |flags: &str| {
        let tried = Command::new("unshare").args([flags, "ip", "link", "set", "lo", "up"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    if possible("-n") || possible("-Urn") {
        return Ok(());
    }
    Err("neither `unshare -n` nor `unshare -Urn` gives one; they need util-linux, iproute2 and the right to it"
        .to_owned())
}

fn axe(command: &mut Command) -> Result<(), String> {
    command.env("AUDITWIRE_TEST_AXE", browser::axe()?);
    Ok(())
}

/// All tests.
fn run_tests(mode: &str, rest: &[String]) -> Result<(), String> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--locked"]).args(rest);
    let mut missing = Vec::new();
    for part in PARTS {
        if mode == "off" {
            missing.push(format!("the suites {} (--real=off)", part.suites));
            continue;
        }
        println!("getting what is not there yet: {}", part.what);
        if let Err(why) = (part.provide)(&mut command) {
            missing.push(format!("the suites {} ({why})", part.suites));
        }
    }
    match mode {
        "require" if !missing.is_empty() => {
            return Err(format!("these cannot run and must:\n  {}", missing.join("\n  ")));
        }
        "require" => {
            command.env(REQUIRED, "1");
        }
        _ => missing.iter().for_each(|suites| println!("not run: {suites}")),
    }
    execute(&mut command)
}

/// `screenshots`: renews the pictures of the console, by the test that walks through its pages.
pub(crate) fn screenshots() -> Result<(), String> {
    let folder = crate::run::root().join("docs/console");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut command = cargo();
    command.args(["test", "--locked", "--package", "auditwire", "--test", "it", "--", "console::pages::"]);
    chromium(&mut command)?;
    axe(&mut command)?;
    execute(command.env(REQUIRED, "1").env("AUDITWIRE_SCREENSHOTS", &folder))
}

/// `test [--real=…] [-- ARGS]`.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let mut mode = "auto";
    let mut rest = args;
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        match first.strip_prefix("--real=") {
            Some(value @ ("auto" | "require" | "off")) => mode = value,
            Some(_) => return Err("--real is auto, require or off".to_owned()),
            None if first == "--" => break,
            None => return Err(format!("unknown argument {first}; arguments for cargo test go behind --")),
        }
    }
    run_tests(mode, rest)
}

/// `bench ARGS`: builds the release binary and the load generator, and runs the latter.
pub(crate) fn bench(args: &[String]) -> Result<(), String> {
    execute(cargo().args([
        "build",
        "--release",
        "--locked",
        "--package",
        "auditwire",
        "--bins",
        "--example",
        "bench",
    ]))?;
    let bin = crate::run::target_dir().join("release");
    let mut command = std::process::Command::new(bin.join("examples/bench"));
    command.arg("--service").arg(bin.join("auditwire")).env(SHIM, shim::build()?).args(args);
    // Without it the questions are asked all the same, only with nothing beside them.
    match analysts::fetch() {
        Ok(folder) => drop(command.arg("--duckdb").arg(folder)),
        Err(why) => println!("without DuckDB: {why}"),
    }
    match real::fetch() {
        Ok(real) => drop(command.arg("--real").arg(real.root)),
        Err(why) => println!("without rsyslog and syslog-ng: {why}"),
    }
    execute(&mut command)
}
