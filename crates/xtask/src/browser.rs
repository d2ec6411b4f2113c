//! The browser for the console's tests, and axe-core, which checks in it whether everyone can use a page.
//!
//! Chromium and ChromeDriver are Debian's packages. They cannot be unpacked into `target/` like the receivers, because they pull
//! in half a desktop's libraries, so they are used where they are, and installed where this may be done (as root).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{run_quietly, target_dir};

/// What tests in a browser need.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

const PACKAGES: &[&str] = &["chromium", "chromium-driver", "fonts-dejavu-core"];

/// Finds Chromium and its driver, or installs them.
pub(crate) fn browser() -> Result<Browser, String> {
    let found = |driver| in_path("chromium").map(|chromium| Browser { chromium, driver });
    found(installed("chromedriver", PACKAGES)?).ok_or_else(|| "chromedriver is in PATH and chromium is not".to_owned())
}

/// The program of this name in PATH; where it is missing, Debian's packages are installed, which only root may.
pub(crate) fn installed(program: &str, packages: &[&str]) -> Result<PathBuf, String> {
    if let Some(found) = in_path(program) {
        return Ok(found);
    }
    if run_quietly(Command::new("id").arg("-u"))? != "0" {
        return Err(format!("{program} is not in PATH; as root: apt-get install {}", packages.join(" ")));
    }
    println!("installing {}", packages.join(", "));
    run_quietly(apt().arg("update"))?;
    run_quietly(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))?;
    in_path(program).ok_or_else(|| format!("the packages were installed but {program} is not in PATH"))
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-q").env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The version of axe-core, and npm's checksum of it (`npm view axe-core@VERSION dist.integrity`).
const AXE: (&str, &str) =
    ("4.14.1", "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==");

/// Fetches axe-core into `target/real/axe` unless it is there; gives its script.
pub(crate) fn axe() -> Result<PathBuf, String> {
    let (version, integrity) = AXE;
    let folder = target_dir().join("real/axe");
    let script = folder.join("package/axe.min.js");
    let stamp = folder.join("complete");
    if script.exists() && std::fs::read_to_string(&stamp).is_ok_and(|have| have == integrity) {
        return Ok(script);
    }
    if in_path("npm").is_none() {
        return Err("npm, which fetches axe-core, is not in PATH".to_owned());
    }
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--ignore-scripts"]).arg(format!("axe-core@{version}"));
    run_quietly(npm.current_dir(&folder).env("npm_config_cache", folder.join("cache")))?;
    let archive = folder.join(format!("axe-core-{version}.tgz"));
    let found = checksum(&archive)?;
    if found != integrity {
        return Err(format!("{} is not what was expected: {found}, not {integrity}", archive.display()));
    }
    run_quietly(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder))?;
    std::fs::write(&stamp, integrity).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(script)
}

/// A file's checksum as npm writes it.
fn checksum(file: &Path) -> Result<String, String> {
    let line = run_quietly(Command::new("sha512sum").arg(file))?;
    let hex = line.split(' ').next().unwrap_or_default();
    let bytes: Option<Vec<u8>> =
        (0..hex.len() / 2).map(|i| u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()).collect();
    Ok(format!("sha512-{}", base64(&bytes.ok_or_else(|| format!("sha512sum printed {line}"))?)))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * at) & 63]);
            text.push(if at <= group.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_pads_what_is_left() {
        let all = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"], "RFC 4648, section 10");
    }
}
