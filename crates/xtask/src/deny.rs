//! `cargo xtask deny`: what `deny.toml` allows, asked by cargo-deny.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{cargo, root, run, run_quietly, target_dir};

/// The version that is built where none is installed.
const VERSION: &str = "0.20.2";

/// Bans, licences and sources always; advisories where their database can be had.
pub(crate) fn check() -> Result<(), String> {
    let deny = program()?;
    // Of crates that are not built for Linux nothing is here, so cargo may fetch them.
    run(Command::new(&deny).current_dir(root()).args(["check", "bans", "licenses", "sources"]))?;
    let fetched = run_quietly(Command::new(&deny).current_dir(root()).args(["fetch", "db"]));
    match fetched {
        Ok(_) => run(Command::new(&deny).current_dir(root()).args(["check", "--disable-fetch", "advisories"])),
        Err(why) => {
            println!(
                "advisories were not asked, their database cannot be had: {}",
                why.lines().next().unwrap_or_default()
            );
            Ok(())
        }
    }
}

/// The installed one, or one built into `target/real`: about a minute of a processor, once.
fn program() -> Result<PathBuf, String> {
    if run_quietly(Command::new("cargo-deny").arg("--version")).is_ok() {
        return Ok("cargo-deny".into());
    }
    let folder = target_dir().join("real/deny");
    let program = folder.join("bin/cargo-deny");
    let have = run_quietly(Command::new(&program).arg("--version"));
    if !have.is_ok_and(|version| version.ends_with(VERSION)) {
        println!("building cargo-deny {VERSION} into target/real");
        let mut install = cargo();
        install.args(["install", "--locked", "--debug", "--quiet", "--version", VERSION, "cargo-deny", "--root"]);
        // A target directory of its own: not among what is built here.
        run_quietly(install.arg(&folder).arg("--target-dir").arg(folder.join("build")))?;
    }
    Ok(program)
}
