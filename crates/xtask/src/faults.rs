//! The fault harness, built and started.

use crate::real;
use crate::run::{cargo, run as execute, target_dir};

/// `faults [--release] VERB ARGS`.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let (profile, args) = match args {
        [first, rest @ ..] if first == "--release" => ("release", rest),
        all => ("debug", all),
    };
    // The whole workspace, as the tests build it: the same features, so that nothing is built twice.
    let mut build = cargo();
    build.args(["build", "--workspace", "--locked", "--bins", "--examples"]);
    if profile == "release" {
        build.arg("--release");
    }
    execute(&mut build)?;
    let built = target_dir().join(profile);
    let mut command = std::process::Command::new(built.join("examples/faults"));
    // What the caller says last counts.
    let (verb, rest) = args.split_first().map_or(("help", args), |(verb, rest)| (verb.as_str(), rest));
    command.arg(verb).arg("--service").arg(built.join("auditwire"));
    if ["operator", "short"].contains(&verb) {
        command.arg("--faketime").arg(real::fetch()?.faketime());
    }
    execute(command.args(rest))
}
