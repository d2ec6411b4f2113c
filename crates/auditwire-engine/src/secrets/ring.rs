//! The master keys: sealing, opening, and changing which of them a secret's data key is sealed by.

use auditwire_model::Timestamp;
use parking_lot::RwLock;

use super::{KEY_BYTES, Secret, decrypt, encrypt};
use crate::error::{Error, Kind, Result};
use crate::records::Sealed;

/// A master key.
#[derive(Debug, Clone)]
pub struct MasterKey {
    /// Names it in sealed secrets; unique.
    pub id: String,
    /// 32 bytes.
    pub secret: Secret,
    /// When it was made, if that is known.
    pub made_at: Option<Timestamp>,
}

/// The master keys, by id. Read from files by the binary; the engine never sees where.
#[derive(Debug)]
pub struct Keyring {
    /// The last one seals.
    keys: RwLock<Vec<MasterKey>>,
}

impl Keyring {
    /// Keys as `(id, 32 bytes)`; the last one seals, all of them open.
    #[must_use]
    pub fn new(keys: Vec<(String, Secret)>) -> Self {
        Self::of(keys.into_iter().map(|(id, secret)| MasterKey { id, secret, made_at: None }).collect())
    }

    /// The last key seals, all of them open.
    #[must_use]
    pub fn of(keys: Vec<MasterKey>) -> Self {
        Self { keys: RwLock::new(keys) }
    }

    /// A new master key with a random id, for the binary to write to a file and to pass to [`new`](Self::new).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<(String, Secret)> {
        let id = Secret::random(4)?;
        Ok((format!("key-{}", hex::encode(id.expose())), Secret::random(KEY_BYTES)?))
    }

    /// The keys there are, without the secret ones: id and when it was made. The last one seals.
    #[must_use]
    pub fn known(&self) -> Vec<(String, Option<Timestamp>)> {
        self.keys.read().iter().map(|key| (key.id.clone(), key.made_at)).collect()
    }

    /// The id of the key that seals.
    pub(crate) fn newest(&self) -> Result<String> {
        self.keys.read().last().map(|key| key.id.clone()).ok_or_else(no_key)
    }

    /// Uses these keys from now on.
    pub(crate) fn replace(&self, keys: Vec<MasterKey>) {
        *self.keys.write() = keys;
    }

    /// Seals a secret for `context` (see [`super::connection_context`]), which is authenticated with it. What is committed with
    /// it must include [`super::still_seals`].
    ///
    /// # Errors
    /// `key_missing` when there is no key; `invalid_key` when it has not 32 bytes.
    pub fn seal(&self, context: &str, secret: &Secret) -> Result<Sealed> {
        let data_key = Secret::random(KEY_BYTES)?;
        let (key_id, sealed) = self.seal_data_key(context, &data_key)?;
        let ciphertext = encrypt(&data_key, &secret_context(context), secret)?;
        Ok(Sealed { key_id, data_key: sealed, ciphertext })
    }

    /// The same secret, its data key sealed by the newest master key; `None` when it is already.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`seal`](Self::seal).
    pub(crate) fn rewrap(&self, context: &str, sealed: &Sealed) -> Result<Option<Sealed>> {
        if sealed.key_id == self.newest()? {
            return Ok(None);
        }
        let (data_key, _) = self.open_both(context, sealed)?;
        let (key_id, data_key) = self.seal_data_key(context, &data_key)?;
        Ok(Some(Sealed { key_id, data_key, ciphertext: sealed.ciphertext.clone() }))
    }

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// `key_missing` names the key id that is not here; `secret_damaged` when authentication fails: another key of that
    /// id, another context, or changed bytes.
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<Secret> {
        self.open_both(context, sealed).map(|(_, secret)| secret)
    }

    /// The data key under the newest master key, with that one's id.
    fn seal_data_key(&self, context: &str, data_key: &Secret) -> Result<(String, String)> {
        let keys = self.keys.read();
        let MasterKey { id, secret, .. } = keys.last().ok_or_else(no_key)?;
        Ok((id.clone(), encrypt(secret, &key_context(id, context), data_key)?))
    }

    /// The data key and the secret.
    fn open_both(&self, context: &str, sealed: &Sealed) -> Result<(Secret, Secret)> {
        let key_id = &sealed.key_id;
        let keys = self.keys.read();
        let master = keys.iter().find(|key| key.id == *key_id).ok_or_else(|| {
            Error::new(Kind::Internal, "key_missing", format!("the key '{key_id}' that seals {context} is missing"))
        })?;
        let data_key = decrypt(&master.secret, &key_context(key_id, context), &sealed.data_key);
        let opened = data_key.and_then(|data_key| {
            let secret = decrypt(&data_key, &secret_context(context), &sealed.ciphertext)?;
            Some((data_key, secret))
        });
        opened.ok_or_else(|| {
            let why = format!(
                "{context} cannot be opened: the key '{key_id}' is not the one that sealed it, or it is damaged"
            );
            Error::new(Kind::Internal, "secret_damaged", why)
        })
    }
}

fn no_key() -> Error {
    Error::new(Kind::Internal, "key_missing", "there is no key to encrypt secrets with; see AUDITWIRE_KEYS")
}

fn key_context(key_id: &str, context: &str) -> String {
    format!("auditwire data key v1\0{key_id}\0{context}")
}

fn secret_context(context: &str) -> String {
    format!("auditwire secret v1\0{context}")
}
