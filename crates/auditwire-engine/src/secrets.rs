//! Envelope encryption of secrets, and one-way hashes of tokens.

use crate::error::Result;
use crate::records::Sealed;

/// Bytes that print as nothing and are wiped when dropped.
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
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The master keys, by id. Read from files by the binary; the engine never sees where.
#[derive(Debug)]
pub struct Keyring {
    keys: Vec<(String, Secret)>,
}

impl Keyring {
    /// Keys as `(id, 32 bytes)`; the last one seals, all of them open.
    #[must_use]
    pub fn new(keys: Vec<(String, Secret)>) -> Self {
        Self { keys }
    }

    /// Seals a secret for `context` (connection id), which is authenticated with it.
    ///
    /// # Errors
    /// When there is no key.
    pub fn seal(&self, context: &str, secret: &Secret) -> Result<Sealed> {
        let _ = (context, secret, &self.keys);
        Err(crate::Error::not_available("sealing"))
    }

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// `key_missing` names the key id that is not here; `secret_damaged` when authentication fails.
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<Secret> {
        let _ = (context, sealed);
        Err(crate::Error::not_available("opening"))
    }
}
