//! `cargo xtask confined`: tests of the service with the service behind the walls of `contrib/systemd/auditwire.service`, without
//! systemd: mount, IPC and UTS namespaces, a user of its own without capabilities, limits, and a system-call filter.
//!
//! What is allowed is read from the unit, so that the two cannot drift: the sets of calls are asked of systemd itself. The tests start
//! the service through [`enter`], which becomes the service step by step and keeps its process id. Not copied are the walls
//! between processes (PrivateUsers, ProtectProc) and NoExecPaths; docs/security.md says so.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{cargo, run as execute, run_quietly, target_dir};
use crate::unit;

mod calls;

/// Tells the tests which program to start the service through.
const THROUGH: &str = "AUDITWIRE_TEST_CONFINED";
/// The suites that run so: the service starts, stops, is killed and restarted, takes events, answers questions over sealed history,
/// delivers to a real SIEM, signs people in, talks to its manager.
const SUITES: [&str; 7] = ["serve::", "notify::", "events::", "crash::", "questions::", "receivers::", "sign_in::"];
/// Where the inside finds its programs.
const INSIDE: &str = "/mnt";
/// `nobody`, in the place of the user that systemd makes.
const USER: &str = "65534";

/// Runs the suites; needs root, as systemd does.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if run_quietly(Command::new("id").arg("-u"))? != "0" {
        return Err("namespaces with another user inside can be made only by root".to_owned());
    }
    let file = calls_file();
    let unit = unit::Unit::read()?;
    let filter = calls::filter(&unit, |set| calls::of_systemd(&unit::analyze()?, set))?;
    let write = std::fs::create_dir_all(target_dir().join("real")).and_then(|()| std::fs::write(&file, filter));
    write.map_err(|e| format!("{}: {e}", file.display()))?;
    let this = std::env::current_exe().map_err(|e| format!("this program cannot be found: {e}"))?;
    let mut test = cargo();
    // The packages are chosen as by all other tests, so that nothing is built twice.
    test.args(["test", "--workspace", "--locked", "--test", "it", "--"]).env(THROUGH, this);
    if let Ok(real) = crate::real::fetch() {
        test.env("AUDITWIRE_TEST_REAL", real.root);
    }
    if args.is_empty() {
        test.args(SUITES)
    } else {
        test.args(args)
    };
    execute(&mut test)
}

fn calls_file() -> PathBuf {
    target_dir().join("real/calls.json")
}

/// `confine PROGRAM ARGS`, `confine-inside …` and `confine-calls …`: one after the other, in one process.
pub(crate) fn enter(verb: &str, args: &[String]) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|e| format!("this program cannot be found: {e}"))?;
    let unit = || unit::Unit::read();
    match verb {
        "confine" => {
            let mut command = Command::new("unshare");
            command.args(["--mount", "--ipc", "--uts", "prlimit"]).args(limits(&unit()?)?);
            Err(become_(command.arg(this).arg("confine-inside").args(args)))
        }
        "confine-inside" => {
            let (program, args) = args.split_first().ok_or("no program was named")?;
            furnish(&this, Path::new(program), args)?;
            let umask = format!("umask {} && exec \"$@\"", unit()?.one("UMask")?);
            let mut command = Command::new("sh");
            command.args(["-c", &umask, "sh", "setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]);
            command.args(["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]);
            let [inner, service] = ["xtask", "auditwire"].map(|name| format!("{INSIDE}/{name}"));
            close(&mut command)?;
            Err(become_(command.arg(inner).arg("confine-calls").arg(service).args(args)))
        }
        _ => {
            let (program, args) = args.split_first().ok_or("no program was named")?;
            calls::apply(Path::new(INSIDE).join("calls.json").as_path())?;
            Err(become_(Command::new(program).args(args)))
        }
    }
}

/// As the unit has them, or what this machine allows at most: only systemd may raise a hard limit everywhere.
fn limits(unit: &unit::Unit) -> Result<[String; 2], String> {
    let most = run_quietly(Command::new("prlimit").args(["--nofile", "--output", "HARD", "--noheadings"]))?;
    let number = |text: &str| text.trim().parse::<u64>().unwrap_or(u64::MAX);
    let files = number(&most).min(number(unit.one("LimitNOFILE")?));
    Ok([format!("--nofile={files}"), format!("--core={}", unit.one("LimitCORE")?)])
}

/// Only comes back with what went wrong.
fn become_(command: &mut Command) -> String {
    let error = command.exec();
    format!("{}: {error}", command.get_program().to_string_lossy())
}

fn mount(args: &[&str]) -> Result<(), String> {
    run_quietly(Command::new("mount").args(args)).map(drop)
}

fn told(path: &Path) -> impl Fn(std::io::Error) -> String + '_ {
    move |error| format!("{}: {error}", path.display())
}

/// A place of its own for programs, devices, temporary files and state.
fn furnish(this: &Path, program: &Path, args: &[String]) -> Result<(), String> {
    let data =
        args.iter().zip(args.iter().skip(1)).find(|(flag, _)| *flag == "--data").map(|(_, data)| Path::new(data));
    let data = data.ok_or("the service is started with --data")?;
    let folder = data.parent().ok_or("the data have a folder around them")?;
    let inside = Path::new(INSIDE);
    mount(&["--make-rprivate", "/"])?;
    let calls = std::fs::read(calls_file()).map_err(told(&calls_file()))?;
    mount(&["-t", "tmpfs", "-o", "mode=0755", "tmpfs", INSIDE])?;
    std::fs::write(inside.join("calls.json"), calls).map_err(told(inside))?;
    for (name, source) in [("xtask", this), ("auditwire", program)] {
        std::fs::copy(source, inside.join(name)).map_err(told(source))?;
    }
    let kept = inside.join("folder");
    std::fs::create_dir(&kept).map_err(told(&kept))?;
    bind(folder, &kept)?;
    mount(&["-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/tmp"])?;
    std::fs::create_dir_all(folder).map_err(told(folder))?;
    bind(&kept, folder)?;
    // Tests make folders that only root enters.
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).map_err(told(folder))?;
    std::fs::create_dir_all(data).map_err(told(data))?;
    run_quietly(Command::new("chown").args(["-R", &format!("{USER}:{USER}")]).arg(data))?;
    bind(data, data)?;
    let folder = folder.to_string_lossy();
    mount(&["-o", "remount,bind,ro", &folder])?;
    mount(&["-o", "remount,bind,ro", &kept.to_string_lossy()])?;
    devices(inside)
}

/// PrivateDevices.
fn devices(inside: &Path) -> Result<(), String> {
    let own = inside.join("dev");
    std::fs::create_dir(&own).map_err(told(&own))?;
    for name in ["null", "zero", "full", "random", "urandom"] {
        let device = own.join(name);
        std::fs::write(&device, "").map_err(told(&device))?;
        bind(&Path::new("/dev").join(name), &device)?;
    }
    mount(&["--rbind", &own.to_string_lossy(), "/dev"])
}

fn bind(from: &Path, to: &Path) -> Result<(), String> {
    mount(&["--bind", &from.to_string_lossy(), &to.to_string_lossy()])
}

/// ProtectHome and ProtectSystem; nothing is mounted after it. The command has to be found first.
fn close(command: &mut Command) -> Result<(), String> {
    command.current_dir("/");
    for home in ["/home", "/root"] {
        mount(&["-t", "tmpfs", "-o", "ro,mode=0000", "tmpfs", home])?;
    }
    mount(&["-o", "remount,bind,ro", INSIDE])?;
    mount(&["-o", "remount,bind,ro", "/"])
}

/// The names in a set, or the name itself.
type Names = BTreeSet<String>;
