//! Master keys: where they lie, how they are read, and the one case in which a new one is made: nothing was configured,
//! and nothing is sealed yet. A key file has lines of `ID:HEX` with 32 bytes in hex; the last key seals, all of them open.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use auditwire_engine::secrets::{Keyring, Secret, verify_all};
use auditwire_engine::store::Store;

use crate::failure::{Failure, Result, chain};

/// What `AUDITWIRE_KEYS` and the service manager say.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeySource {
    /// `AUDITWIRE_KEYS`.
    pub(crate) configured: Option<String>,
    /// `CREDENTIALS_DIRECTORY`, set by systemd.
    pub(crate) credentials: Option<PathBuf>,
}

impl KeySource {
    /// Reads the environment.
    pub(crate) fn from_environment() -> Self {
        Self {
            configured: std::env::var("AUDITWIRE_KEYS").ok().filter(|text| !text.is_empty()),
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }

    /// True when the keys are in the data directory, as nothing else was said.
    pub(crate) fn beside_data(&self) -> bool {
        self.configured.is_none()
    }
}

/// Loads the keys and proves that they open every stored secret.
///
/// # Errors
/// When a key is missing, wrong or unreadable: names the secrets that cannot be opened, or the file.
pub(crate) async fn load(source: &KeySource, data: &Path, store: &dyn Store) -> Result<Keyring> {
    let beside = data.join("keys");
    let place = match &source.configured {
        None => beside.clone(),
        Some(text) => configured_place(text, source)?,
    };
    let mut keys = read(&place)?;
    if keys.is_empty() {
        refuse_unless_fresh(&place, store).await?;
        if source.configured.is_some() {
            return Err(Failure::new(format!(
                "AUDITWIRE_KEYS names {place}, which holds no key; make one with \
                 `(umask 077; echo \"k1:$(openssl rand -hex 32)\" > FILE)`, FILE being that file, or {place}/k1.key for a \
                 folder",
                place = place.display()
            )));
        }
        keys.push(make(&beside)?);
    }
    if source.beside_data() {
        tracing::warn!(
            path = %beside.display(),
            "the keys lie beside the data they protect; set AUDITWIRE_KEYS to a folder, file or credential elsewhere"
        );
    }
    let keyring = Keyring::new(keys);
    let failed = verify_all(store, &keyring).await.map_err(|e| Failure::caused_by("the secrets cannot be read", &e))?;
    if failed.is_empty() { Ok(keyring) } else { Err(cannot_open(&place, &failed)) }
}

fn configured_place(text: &str, source: &KeySource) -> Result<PathBuf> {
    let Some(name) = text.strip_prefix("credential:") else { return Ok(PathBuf::from(text)) };
    if name.is_empty() || name.contains('/') {
        return Err(Failure::usage(format!("AUDITWIRE_KEYS: \"{name}\" is not the name of a credential")));
    }
    let folder = source.credentials.as_ref().ok_or_else(|| {
        Failure::usage("AUDITWIRE_KEYS names a credential, but systemd gave none (CREDENTIALS_DIRECTORY is not set)")
    })?;
    Ok(folder.join(name))
}

/// The keys in a file, or in the `*.key` files of a folder by name. Nothing there means no keys.
fn read(place: &Path) -> Result<Vec<(String, Secret)>> {
    let failed = |path: &Path, e: &std::io::Error| {
        Failure::caused_by(format!("the keys in {} cannot be read", path.display()), e)
    };
    let kind = match std::fs::metadata(place) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(place, &e)),
    };
    if !kind.is_dir() {
        return read_file(place);
    }
    let entries = std::fs::read_dir(place).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.map_err(|e| failed(place, &e))?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "key"));
    files.sort();
    let mut keys = Vec::new();
    for file in files {
        keys.extend(read_file(&file)?);
    }
    Ok(keys)
}

fn read_file(path: &Path) -> Result<Vec<(String, Secret)>> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::caused_by(format!("the key file {} cannot be read", path.display()), &e))?;
    if std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "the key file can be read by others; `chmod 600` it");
    }
    let mut keys = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line is not quoted: it may be a key.
        let key = parse_line(line).ok_or_else(|| {
            Failure::new(format!("{}:{number}: a key is written ID:HEX with 64 hex digits", path.display()))
        })?;
        keys.push(key);
    }
    Ok(keys)
}

fn parse_line(line: &str) -> Option<(String, Secret)> {
    let (id, digits) = line.split_once(':')?;
    let fine = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if !fine || digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let byte = |i: usize| digits.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
    Some((id.to_owned(), Secret::new(bytes?)))
}

/// Without a key nothing may be sealed already: a new key would hide that the old one is lost.
async fn refuse_unless_fresh(place: &Path, store: &dyn Store) -> Result {
    let sealed = verify_all(store, &Keyring::new(Vec::new())).await;
    let sealed = sealed.map_err(|e| Failure::caused_by("the secrets cannot be read", &e))?;
    if sealed.is_empty() { Ok(()) } else { Err(cannot_open(place, &sealed)) }
}

fn cannot_open(place: &Path, errors: &[auditwire_engine::Error]) -> Failure {
    let shown = 10;
    let list: String = errors.iter().take(shown).map(|error| format!("\n  - {}", chain(error))).collect();
    let more = errors.len().saturating_sub(shown);
    let more = if more > 0 { format!("\n  - and {more} more") } else { String::new() };
    Failure::new(format!(
        "the keys in {} do not open what is stored:{list}{more}\nPut the right key back (from a backup), or point \
         AUDITWIRE_KEYS to it; no new key is made, because that would not bring the secrets back",
        place.display()
    ))
}

/// Makes the first key; on disk before it is used.
fn make(folder: &Path) -> Result<(String, Secret)> {
    let (id, key) = Keyring::generate().map_err(|e| Failure::caused_by("no key can be made", &e))?;
    let line: String = key.expose().iter().map(|byte| format!("{byte:02x}")).collect();
    write_private(&folder.join(format!("{id}.key")), &format!("{id}:{line}\n"))
        .map_err(|e| Failure::caused_by(format!("the first key cannot be written to {}", folder.display()), &e))?;
    tracing::info!(path = %folder.display(), key = id, "made the first key");
    Ok((id, key))
}

/// Writes a file that only its owner can read, in a folder that only its owner can enter, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let fresh = path.with_extension("new");
    if let Err(error) = std::fs::remove_file(&fresh)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn a_key_line_is_an_id_and_32_bytes() {
        let (id, key) = parse_line(&format!("k1:{HEX}")).unwrap();
        assert_eq!((id.as_str(), key.expose().len(), key.expose()[31]), ("k1", 32, 31));
        for wrong in
            ["", "k1", "k1:", "k1:00", &format!("k 1:{HEX}"), &format!(":{HEX}"), &format!("k1:{}zz", &HEX[2..])]
        {
            assert!(parse_line(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_folder_is_read_by_name_and_a_wrong_line_is_named_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join("none")).unwrap().is_empty());
        std::fs::write(folder.path().join("b.key"), format!("# new\nb:{HEX}\n")).unwrap();
        std::fs::write(folder.path().join("a.key"), format!("a:{HEX}\n")).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "not a key").unwrap();
        let ids: Vec<String> = read(folder.path()).unwrap().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["a", "b"]);
        std::fs::write(folder.path().join("a.key"), "canary-secret").unwrap();
        let failure = read(folder.path()).unwrap_err();
        assert!(failure.message.contains("a.key:1"), "{}", failure.message);
        assert!(!failure.message.contains("canary"));
    }

    #[test]
    fn a_made_key_is_private_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let (id, key) = make(&keys).unwrap();
        let read = read(&keys).unwrap();
        assert_eq!((read[0].0.as_str(), read[0].1.expose()), (id.as_str(), key.expose()));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&keys), mode(&keys.join(format!("{id}.key")))), (0o700, 0o600));
    }

    #[test]
    fn a_credential_needs_systemd() {
        let none = KeySource::default();
        assert!(configured_place("credential:audit", &none).is_err());
        let some = KeySource { credentials: Some("/run/credentials/a".into()), ..none };
        assert_eq!(configured_place("credential:audit", &some).unwrap(), Path::new("/run/credentials/a/audit"));
        assert!(configured_place("credential:../x", &some).is_err());
    }
}
