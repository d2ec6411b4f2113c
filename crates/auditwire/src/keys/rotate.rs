//! A new master key, beside the others and behind them: the last one seals. Nothing that is there is overwritten, and the key is
//! on disk before anything knows of it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use auditwire_engine::secrets::Secret;

use super::{KeySource, files, fresh, read};
use crate::failure::{Failure, Result};

/// A key that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) file: PathBuf,
}

/// Makes a key where the others lie: a file of its own in a folder, a line of its own in a file.
pub(super) fn rotate(source: &KeySource, data: &Path) -> Result<Made> {
    let place = source.place(data)?;
    if source.configured.as_deref().is_some_and(|text| text.starts_with("credential:")) {
        return Err(Failure::new(
            "the keys are a systemd credential, which only its source can change: add a line there with \
             `echo \"ID:$(openssl rand -hex 32)\"`, below the others, start the service again, and rewrap",
        ));
    }
    if read(&place)?.is_empty() {
        return Err(Failure::new(format!(
            "there is no key in {} to put another one beside; the first start of the service makes it, unless AUDITWIRE_KEYS \
             names another place",
            place.display()
        )));
    }
    let (key, text) = fresh()?;
    let failed = |e: &std::io::Error| Failure::caused_by(format!("no key can be added in {}", place.display()), e);
    let file = if place.is_dir() {
        let names = files(&place)?;
        let last = names.last().and_then(|path| path.file_stem()).unwrap_or_default().to_string_lossy().into_owned();
        let file = place.join(name_behind(&last, &key.id));
        add_file(&file, text.expose_text()).map_err(|e| failed(&e))?;
        file
    } else {
        add_line(&place, text.expose_text()).map_err(|e| failed(&e))?;
        place.clone()
    };
    // What a start will find, and nothing else, is what was made.
    if read(&place)?.last().is_none_or(|last| last.id != key.id) {
        return Err(Failure::new(format!("the new key in {} is not the last one there", file.display())));
    }
    Ok(Made { id: key.id, file })
}

/// A file name that sorts behind `last`: keys are numbered, however the ones before are named.
fn name_behind(last: &str, id: &str) -> String {
    let number = last.strip_prefix("keys-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok()).unwrap_or(0);
    let name = format!("keys-{:06}-{id}.key", number.saturating_add(1));
    // `_` comes behind the `.` of `.key`.
    if name.as_str() > format!("{last}.key").as_str() { name } else { format!("{last}_{id}.key") }
}

/// Whole or not at all, and never in the place of another one.
fn add_file(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let fresh = path.with_extension("new");
    write_new(&fresh, text.as_bytes())?;
    // A link refuses a name that is taken, which a rename does not.
    let linked = std::fs::hard_link(&fresh, path);
    let removed = std::fs::remove_file(&fresh);
    linked.and(removed)?;
    File::open(folder)?.sync_all()
}

/// The file with one key more, whole or as it was.
fn add_line(path: &Path, text: &str) -> std::io::Result<()> {
    let before = Secret::new(std::fs::read(path)?);
    let gap = if before.expose().last().is_none_or(|byte| *byte == b'\n') { "" } else { "\n" };
    let after = Secret::new([before.expose(), gap.as_bytes(), text.as_bytes()].concat());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    write_new(&fresh, after.expose())?;
    std::fs::rename(&fresh, path)?;
    File::open(path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")))?.sync_all()
}

/// A leftover of a run that was cut off goes first.
fn write_new(path: &Path, text: &[u8]) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn at(path: &Path) -> KeySource {
        KeySource { configured: Some(path.display().to_string()), credentials: None }
    }

    #[test]
    fn a_new_key_is_the_last_however_the_others_are_named() {
        for names in [&["k1"][..], &["key-ffffffff"], &["a", "zzz"], &["keys-999999-x"], &["ключ"], &["keys-1", "z.b"]]
        {
            let folder = tempfile::tempdir().unwrap();
            for (n, name) in names.iter().enumerate() {
                std::fs::write(folder.path().join(format!("{name}.key")), format!("k{n}:{HEX}\n")).unwrap();
            }
            let mut ids: Vec<_> = read(folder.path()).unwrap().into_iter().map(|key| key.id).collect();
            for _ in 0..3 {
                let made = rotate(&at(folder.path()), Path::new("/nowhere")).unwrap();
                let mode = std::fs::metadata(&made.file).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{}", made.file.display());
                ids.push(made.id);
                let read: Vec<_> = read(folder.path()).unwrap().into_iter().map(|key| key.id).collect();
                assert_eq!(read, ids, "{names:?}");
            }
            assert!(std::fs::read_dir(folder.path()).unwrap().all(|f| f.unwrap().path().extension().unwrap() == "key"));
        }
    }

    #[test]
    fn a_file_gets_a_line_and_keeps_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master");
        std::fs::write(&file, format!("# ours\nk1:{HEX}")).unwrap();
        let made = rotate(&at(&file), Path::new("/nowhere")).unwrap();
        let keys = read(&file).unwrap();
        assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["k1", &made.id]);
        assert!(keys[0].made_at.is_none() && keys[1].made_at.is_some());
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("# ours\n"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn without_a_key_there_is_none_to_follow() {
        let folder = tempfile::tempdir().unwrap();
        assert!(rotate(&KeySource::default(), folder.path()).unwrap_err().message.contains("first start"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
