//! Envelope encryption of secrets, and one-way hashes of tokens.
//!
//! A secret is sealed by a random data key of its own, the data key by a master key. Both seals authenticate the
//! context (whose secret it is), so a sealed secret that is moved to another connection does not open. AES-256-GCM with
//! random nonces is safe here: each data key seals once, and a master key seals far fewer than 2^32 data keys.

mod places;
mod rewrap;
mod ring;

use auditwire_model::ProjectId;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, rand};

use crate::error::{Error, Kind, Result};
use crate::records::{Document, SecretRecord};
use crate::store::{RecordKey, RecordKind, Store};

pub use places::verify_all;
pub use rewrap::{KeySource, KeyView, Rewrapped, Vault, keys, reread, rewrap, rewrap_in, views};
pub(crate) use rewrap::{back_in_use, still_seals};
pub use ring::{Keyring, MasterKey};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Bytes that print as nothing and are wiped when dropped.
///
/// So are the texts of forms and the key files on their way here, and what is decoded of a PEM. Not ours to wipe: request bodies and
/// what the JSON reader unescapes of them, TLS buffers, and the provider's own copy of a key while it is in use (AWS-LC wipes what it
/// frees). What a crash or a debugger could show of them is closed off as a whole: the service is not dumpable.
pub struct Secret(zeroize::Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(zeroize::Zeroizing::new(bytes))
    }

    /// The bytes. Never log, return or format them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// As text, for secrets that are text; other bytes are empty text. Never log, return or format it.
    #[must_use]
    pub fn expose_text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// 64 hex digits of 256 random bits.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random_key() -> Result<Self> {
        Self::random(32).map(|bits| Self::new(hex::encode(bits.expose()).into_bytes()))
    }

    /// `bytes` random bytes.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn random(bytes: usize) -> Result<Self> {
        let mut value = Self::new(vec![0; bytes]);
        rand::fill(&mut value.0).map_err(|_| Error::new(Kind::Internal, "no_randomness", "no randomness"))?;
        Ok(value)
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::new(self.0.to_vec())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The context of a connection's PEM: names the secret in errors and binds it to its connection.
#[must_use]
pub fn connection_context(project: &ProjectId, connection: &str) -> String {
    format!("the TLS key of connection {connection} in project {project}")
}

/// The stored PEM of a connection, opened; `None` when it has none.
///
/// # Errors
/// As [`Keyring::open`], and when the store fails.
pub async fn connection_pem(
    store: &dyn Store,
    keyring: &Keyring,
    project: &ProjectId,
    connection: &str,
) -> Result<Option<Secret>> {
    let key = RecordKey::of(RecordKind::ConnectionSecret, project, connection);
    let Some(record) = store.record(&key).await? else { return Ok(None) };
    let sealed = SecretRecord::decode(&record)?.into_current();
    keyring.open(&connection_context(project, connection), &sealed).map(Some)
}

/// Lower-case hex SHA-256.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

/// Hex of nonce, ciphertext and tag.
fn encrypt(key: &Secret, context: &str, plain: &Secret) -> Result<String> {
    let failed = |_| Error::new(Kind::Internal, "invalid_key", "an encryption key does not have 32 bytes");
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.expose()).map_err(failed)?;
    // Room for the tag from the start: bytes that grow leave a copy of what is secret where they were.
    let mut bytes = Vec::with_capacity(plain.expose().len() + AES_256_GCM.tag_len());
    bytes.extend_from_slice(plain.expose());
    let nonce = cipher.seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut bytes).map_err(failed)?;
    Ok(hex::encode(nonce.as_ref()) + &hex::encode(bytes))
}

fn decrypt(key: &Secret, context: &str, sealed: &str) -> Option<Secret> {
    let bytes = hex::decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.expose()).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut buffer = Secret::new(sealed.to_vec());
    let length = cipher.open_in_place(nonce, Aad::from(context.as_bytes()), &mut buffer.0).ok()?.len();
    buffer.0.truncate(length);
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Sealed;

    const CANARY: &[u8] = b"canary-7d1f-private-key";

    fn keyring(id: &str, fill: u8) -> Keyring {
        Keyring::new(vec![(id.to_owned(), Secret::new(vec![fill; 32]))])
    }

    fn code(result: Result<Secret>) -> &'static str {
        result.err().map_or("opened", |e| e.code)
    }

    #[test]
    fn opens_what_it_sealed_and_never_seals_the_same_twice() {
        let keys = keyring("k1", 7);
        let sealed = keys.seal("a", &Secret::new(CANARY.to_vec())).unwrap();
        assert_eq!(keys.open("a", &sealed).unwrap().expose(), CANARY);
        let again = keys.seal("a", &Secret::new(CANARY.to_vec())).unwrap();
        assert_ne!(sealed.ciphertext, again.ciphertext);
        assert_ne!(sealed.data_key, again.data_key);
        assert!(!sealed.ciphertext.contains(&hex::encode(CANARY)));
    }

    #[test]
    fn an_older_key_still_opens_and_the_last_one_seals() {
        let old = keyring("k1", 7).seal("a", &Secret::new(CANARY.to_vec())).unwrap();
        let both = Keyring::new(vec![
            ("k1".to_owned(), Secret::new(vec![7; 32])),
            ("k2".to_owned(), Secret::new(vec![8; 32])),
        ]);
        assert_eq!(both.open("a", &old).unwrap().expose(), CANARY);
        assert_eq!(both.seal("a", &Secret::new(CANARY.to_vec())).unwrap().key_id, "k2");
    }

    #[test]
    fn refuses_wrong_key_wrong_context_and_changed_bytes() {
        let keys = keyring("k1", 7);
        let sealed = keys.seal("a", &Secret::new(CANARY.to_vec())).unwrap();
        assert_eq!(code(keyring("k1", 8).open("a", &sealed)), "secret_damaged");
        assert_eq!(code(keys.open("b", &sealed)), "secret_damaged");
        for field in 0..2 {
            let length = if field == 0 { sealed.data_key.len() } else { sealed.ciphertext.len() } / 2;
            for at in 0..length {
                let mut changed = sealed.clone();
                let text = if field == 0 { &mut changed.data_key } else { &mut changed.ciphertext };
                let mut bytes = hex::decode(&*text).unwrap();
                bytes[at] ^= 1;
                *text = hex::encode(bytes);
                assert_eq!(code(keys.open("a", &changed)), "secret_damaged", "field {field} byte {at}");
            }
        }
        for text in ["", "00", "not hex", &sealed.data_key] {
            let changed = Sealed { ciphertext: text.to_owned(), ..sealed.clone() };
            assert_eq!(code(keys.open("a", &changed)), "secret_damaged", "{text}");
        }
    }

    #[test]
    fn a_missing_key_is_named() {
        let sealed = keyring("key-old", 7).seal("a", &Secret::new(CANARY.to_vec())).unwrap();
        let error = keyring("key-new", 7).open("a", &sealed).unwrap_err();
        assert_eq!(error.code, "key_missing");
        assert!(error.detail.contains("'key-old'"), "{error}");
        assert_eq!(keyring("k", 1).seal("a", &Secret::new(vec![])).unwrap().key_id, "k");
        assert_eq!(Keyring::new(vec![]).seal("a", &Secret::new(vec![])).unwrap_err().code, "key_missing");
    }

    #[test]
    fn a_rewrapped_secret_needs_the_newest_key_alone() {
        let key = |id: &str, fill| (id.to_owned(), Secret::new(vec![fill; 32]));
        let old = keyring("k1", 7).seal("a", &Secret::new(CANARY.to_vec())).unwrap();
        let both = Keyring::new(vec![key("k1", 7), key("k2", 8)]);
        let new = both.rewrap("a", &old).unwrap().unwrap();
        assert_eq!((new.key_id.as_str(), &new.ciphertext), ("k2", &old.ciphertext));
        assert_eq!(keyring("k2", 8).open("a", &new).unwrap().expose(), CANARY);
        assert_eq!(code(keyring("k1", 7).open("a", &new)), "key_missing");
        assert_eq!(both.rewrap("a", &new).unwrap(), None);
        assert_eq!(both.rewrap("b", &old).unwrap_err().code, "secret_damaged");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let (id, key) = Keyring::generate().unwrap();
        assert_eq!(key.expose().len(), 32);
        let printed = format!("{:?}", Keyring::new(vec![(id, key.clone())]));
        assert!(!printed.contains(&hex::encode(key.expose())) && !printed.contains(&format!("{:?}", key.expose())));
        assert_eq!(format!("{:?}", Secret::new(CANARY.to_vec())), "Secret");
    }
}
