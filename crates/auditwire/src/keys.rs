//! Master keys: where they lie, how they are read, and the one case in which a start makes one: nothing was configured,
//! and nothing is sealed yet. A key file has lines of `ID:HEX` with 32 bytes in hex; the last key seals, all of them open.
//! A comment `# made TIME` tells when the key below it was made.

mod rotate;
mod verbs;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use auditwire_engine::secrets::{self, Keyring, MasterKey, Secret, verify_all};
use auditwire_engine::store::Store;
use auditwire_model::{Clock, Timestamp};
use zeroize::Zeroizing;

use crate::clock::SystemClock;
use crate::failure::{Failure, Result, chain};

pub(crate) use verbs::{KeysArgs, run};

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

    /// The file or folder that the keys are read from.
    ///
    /// # Errors
    /// When a credential is named and there is none.
    fn place(&self, data: &Path) -> Result<PathBuf> {
        match &self.configured {
            None => Ok(data.join("keys")),
            Some(text) => configured_place(text, self),
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
    let place = source.place(data)?;
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
        keys.push(make(&place)?);
    }
    if source.beside_data() {
        tracing::warn!(
            path = %place.display(),
            "the keys lie beside the data they protect; set AUDITWIRE_KEYS to a folder, file or credential elsewhere"
        );
    }
    let keyring = Keyring::of(keys);
    let failed = verify_all(store, &keyring).await.map_err(|e| Failure::caused_by("the secrets cannot be read", &e))?;
    if failed.is_empty() { Ok(keyring) } else { Err(cannot_open(&place, &failed)) }
}

/// The keys of a running service, read again.
#[derive(Debug)]
pub(crate) struct Place {
    source: KeySource,
    data: PathBuf,
}

impl Place {
    /// Where [`load`] found them.
    pub(crate) fn of(source: &KeySource, data: &Path) -> Self {
        Self { source: source.clone(), data: data.to_owned() }
    }
}

impl secrets::KeySource for Place {
    fn read(&self) -> std::result::Result<Vec<MasterKey>, String> {
        self.source.place(&self.data).and_then(|place| read(&place)).map_err(|failure| failure.message)
    }
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

/// The keys in a file, or in the `*.key` files of a folder by name. Nothing there means no keys. Two keys of one id are
/// refused: what one of them sealed the other cannot open, and nobody could tell which.
fn read(place: &Path) -> Result<Vec<MasterKey>> {
    let mut keys: Vec<(PathBuf, MasterKey)> = Vec::new();
    for file in files(place)? {
        for key in read_file(&file)? {
            if let Some((other, _)) = keys.iter().find(|(_, other)| other.id == key.id) {
                let (id, other, file) = (&key.id, other.display(), file.display());
                return Err(Failure::new(format!(
                    "the key id \"{id}\" stands twice: in {other} and in {file}; give one of them another id, or remove it"
                )));
            }
            keys.push((file.clone(), key));
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// The file, or the `*.key` files of a folder by name.
fn files(place: &Path) -> Result<Vec<PathBuf>> {
    let failed = |path: &Path, e: &std::io::Error| {
        Failure::caused_by(format!("the keys in {} cannot be read", path.display()), e)
    };
    let kind = match std::fs::metadata(place) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(place, &e)),
    };
    if !kind.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let entries = std::fs::read_dir(place).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = entries.map_err(|e| failed(place, &e))?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "key"));
    files.sort();
    Ok(files)
}

fn read_file(path: &Path) -> Result<Vec<MasterKey>> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|e| Failure::caused_by(format!("the key file {} cannot be read", path.display()), &e))?;
    if std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "the key file can be read by others; `chmod 600` it");
    }
    let (mut keys, mut made_at) = (Vec::new(), None);
    for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            made_at = line.strip_prefix(MADE).and_then(|time| Timestamp::parse(time.trim()).ok()).or(made_at);
            continue;
        }
        // The line is not quoted: it may be a key.
        let (id, secret) = parse_line(line).ok_or_else(|| {
            Failure::new(format!("{}:{number}: a key is written ID:HEX with 64 hex digits", path.display()))
        })?;
        keys.push(MasterKey { id, secret, made_at: made_at.take() });
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
    // Made once and at its size, so that no copy is left where it grew.
    let mut bytes = Zeroizing::new(vec![0; 32]);
    for (at, place) in bytes.iter_mut().enumerate() {
        *place = byte(2 * at)?;
    }
    Some((id.to_owned(), Secret::new(std::mem::take(&mut *bytes))))
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
fn make(folder: &Path) -> Result<MasterKey> {
    let (key, text) = fresh()?;
    write_private(&folder.join(format!("{}.key", key.id)), text.expose_text())
        .map_err(|e| Failure::caused_by(format!("the first key cannot be written to {}", folder.display()), &e))?;
    tracing::info!(path = %folder.display(), key = key.id, "made the first key");
    Ok(key)
}

/// What a comment that tells when a key was made begins with.
const MADE: &str = "# made ";

/// A new key, and how a key file has it.
fn fresh() -> Result<(MasterKey, Secret)> {
    let (id, secret) = Keyring::generate().map_err(|e| Failure::caused_by("no key can be made", &e))?;
    let now = SystemClock.now().whole_seconds();
    let head = format!("{MADE}{now}\n{id}:");
    // At its size from the start, so that no copy is left where it grew.
    let mut text = Vec::with_capacity(head.len() + 2 * secret.expose().len() + 1);
    text.extend_from_slice(head.as_bytes());
    for byte in secret.expose() {
        text.extend(
            [byte >> 4, byte & 15].map(|half| b"0123456789abcdef".get(usize::from(half)).copied().unwrap_or(b'0')),
        );
    }
    text.push(b'\n');
    Ok((MasterKey { id, secret, made_at: Some(now) }, Secret::new(text)))
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
        let ids: Vec<String> = read(folder.path()).unwrap().into_iter().map(|key| key.id).collect();
        assert_eq!(ids, ["a", "b"]);
        std::fs::write(folder.path().join("c.key"), format!("a:{HEX}\n")).unwrap();
        let twice = read(folder.path()).unwrap_err().message;
        assert!(twice.contains("a.key") && twice.contains("c.key") && !twice.contains(HEX), "{twice}");
        std::fs::write(folder.path().join("a.key"), "canary-secret").unwrap();
        let failure = read(folder.path()).unwrap_err();
        assert!(failure.message.contains("a.key:1"), "{}", failure.message);
        assert!(!failure.message.contains("canary"));
    }

    #[test]
    fn a_made_key_is_private_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let made = make(&keys).unwrap();
        let read = read(&keys).unwrap();
        assert_eq!((&read[0].id, read[0].secret.expose()), (&made.id, made.secret.expose()));
        assert!(made.made_at.is_some() && read[0].made_at == made.made_at);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&keys), mode(&keys.join(format!("{}.key", made.id)))), (0o700, 0o600));
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
