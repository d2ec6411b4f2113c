//! The test command and the benchmark command.

use crate::run::{cargo, run as execute};
use crate::{real, shim};

/// Environment variable with the folder of the unpacked receivers.
const REAL_ROOT: &str = "AUDITWIRE_TEST_REAL";
/// Environment variable that makes a missing receiver a failure.
const REAL_REQUIRED: &str = "AUDITWIRE_TEST_REAL_REQUIRED";
/// Environment variable with the preloaded library that watches and delays syncs.
const SHIM: &str = "AUDITWIRE_TEST_SHIM";

/// All tests.
pub(crate) fn run_tests(real_mode: &str, rest: &[String]) -> Result<(), String> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--locked"]).args(rest);
    let prepared = if real_mode == "off" { Err("--real=off".to_owned()) } else { prepare(&mut command) };
    match (real_mode, prepared) {
        ("require", Err(why)) => return Err(format!("the real receivers are required and cannot be had: {why}")),
        ("require", Ok(())) => {
            command.env(REAL_REQUIRED, "1");
        }
        (_, Err(why)) => println!("not run: the suites with rsyslog, with syslog-ng and with watched syncs ({why})"),
        (_, Ok(())) => {}
    }
    execute(&mut command)
}

fn prepare(command: &mut std::process::Command) -> Result<(), String> {
    println!("fetching rsyslog and syslog-ng into target/real (once)");
    let real = real::fetch()?;
    command.env(REAL_ROOT, &real.root).env(SHIM, shim::build()?);
    Ok(())
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
    execute(&mut command)
}
