//! `auditwire store copy`: a back-up of the data folder while the service runs on it.

use std::path::Path;

use auditwire_store::Copied;
use serde_json::json;

use crate::connections::Output;
use crate::failure::{Failure, Result};
use crate::terminal;

/// The folder of the master keys inside the data folder.
pub(super) const KEYS: &str = "keys";

pub(super) async fn run(data: &Path, to: &Path, with_keys: bool, out: Output) -> Result {
    if !data.is_dir() {
        let data = data.display();
        return Err(Failure::usage(format!("there is no folder {data}; name the service's with --data or --config")));
    }
    let failed = |e: &dyn std::error::Error| Failure::caused_by(format!("{} was not copied", data.display()), e);
    let copied = auditwire_store::copy(data, to).await.map_err(|e| failed(&e))?;
    let keys = with_keys && data.join(KEYS).is_dir();
    if keys {
        copy_keys(&data.join(KEYS), &to.join(KEYS)).map_err(|e| failed(&e))?;
    }
    told(&copied, to, keys, out)
}

/// With their modes; on disk when it returns.
pub(super) fn copy_keys(from: &Path, to: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let path = to.join(entry.file_name());
            std::fs::copy(entry.path(), &path)?;
            std::fs::File::open(&path)?.sync_all()?;
        }
    }
    std::fs::File::open(to)?.sync_all()
}

fn told(copied: &Copied, to: &Path, keys: bool, out: Output) -> Result {
    let Copied { data_bytes, segments, segment_bytes, linked, missing } = copied;
    if out.json {
        terminal::json(&json!({
            "to": to, "data_bytes": data_bytes, "segments": segments, "segment_bytes": segment_bytes, "linked": linked,
            "missing": missing, "keys": keys,
        }))?;
    } else {
        terminal::line(format!(
            "copied to {}: log.sqlite ({data_bytes} bytes) and {segments} segments ({segment_bytes} bytes, {linked} of them links)",
            to.display()
        ))?;
        terminal::line(if keys {
            "the master keys are in it, too: whoever has the copy can open its secrets"
        } else {
            "the master keys are not in it: keep a copy of them elsewhere, or use --with-keys"
        })?;
        for name in missing {
            terminal::line(format!("missing, in the original too: segments/{name}"))?;
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Failure::told()) }
}
