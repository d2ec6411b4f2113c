//! `cargo xtask unit`: systemd's own checks of `contrib/systemd/auditwire.service` and `auditwire.socket`, without a running systemd.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::browser;
use crate::run::{root, run_quietly, target_dir};

/// Ten times the exposure (0: none, 10: all) that `systemd-analyze security` may find, which is what it finds now: a wall that is taken
/// away and not implied by another is found.
const EXPOSURE_MAX: u32 = 12;
/// The program that the unit starts where it is installed.
const PROGRAM: &str = "/usr/local/bin/auditwire";

/// The unit file.
pub(crate) fn file() -> PathBuf {
    root().join("contrib/systemd/auditwire.service")
}

/// What it says, read as far as it is needed: one setting a line.
pub(crate) struct Unit(String);

impl Unit {
    /// From the repository.
    pub(crate) fn read() -> Result<Self, String> {
        std::fs::read_to_string(file()).map(Self).map_err(|e| format!("{}: {e}", file().display()))
    }

    /// All values of a setting, in their order.
    pub(crate) fn all(&self, key: &str) -> Vec<&str> {
        self.0.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
    }

    /// The one value of a setting.
    pub(crate) fn one(&self, key: &str) -> Result<&str, String> {
        match self.all(key).as_slice() {
            [value] => Ok(value),
            _ => Err(format!("the unit does not say {key}= exactly once")),
        }
    }
}

/// Every directive is known and the walls stand.
pub(crate) fn check() -> Result<(), String> {
    let analyze = analyze()?;
    verify(&analyze, &Unit::read()?.0)?;
    println!("the units are known to systemd");
    let mut security = Command::new(&analyze);
    security.args(["security", "--offline=true", "--no-pager", &format!("--threshold={EXPOSURE_MAX}")]);
    run_quietly(security.arg(file())).map_err(|why| {
        let open = security.output().map(|told| String::from_utf8_lossy(&told.stdout).into_owned()).unwrap_or_default();
        format!("the unit is more open than {EXPOSURE_MAX} tenths: {why}\n{open}")
    })?;
    println!("the unit is sound, and its exposure at most {EXPOSURE_MAX} tenths");
    Ok(())
}

/// `verify` wants to find the programs, so a copy names one that is here. A directive that is not known is only told, so that
/// anything told is a failure.
fn verify(analyze: &Path, text: &str) -> Result<(), String> {
    let folder = target_dir().join("real/unit");
    let copy = folder.join("auditwire.service");
    let text = text.replace(PROGRAM, "/bin/true");
    let write = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&copy, text));
    write.map_err(|e| format!("{}: {e}", copy.display()))?;
    // Beside the service that it starts, else it would start none.
    let socket = folder.join("auditwire.socket");
    std::fs::copy(file().with_extension("socket"), &socket).map_err(|e| format!("{}: {e}", socket.display()))?;
    let mut verify = Command::new(analyze);
    let told = verify.args(["verify", "--recursive-errors=no", "--man=no"]).arg(&copy).arg(&socket).output();
    let told = told.map_err(|e| format!("cannot run {}: {e}", analyze.display()))?;
    let said = String::from_utf8_lossy(&told.stderr).trim().to_owned();
    if told.status.success() && said.is_empty() { Ok(()) } else { Err(format!("systemd-analyze verify: {said}")) }
}

/// systemd's analyser; Debian's package, installed where this may be done.
pub(crate) fn analyze() -> Result<PathBuf, String> {
    browser::installed("systemd-analyze", &["systemd"])
}
