//! Our side of client authentication: which certificate is sent, and what the server asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auditwire_model::Timestamp;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

use super::pem::ClientIdentity;

/// What happened about a client certificate in one handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientAuth {
    /// The server asked for one.
    pub requested: bool,
    /// We sent one.
    pub presented: bool,
    /// The one we have is past its last day.
    pub expired: bool,
}

/// Answers the server's request with the connection's client certificate and remembers that it was asked.
#[derive(Debug)]
pub(super) struct ClientResolver {
    identity: Option<Arc<CertifiedKey>>,
    expired: bool,
    requested: AtomicBool,
    presented: AtomicBool,
}

impl ClientResolver {
    pub(super) fn new(identity: Option<&ClientIdentity>, now: Timestamp) -> Self {
        Self {
            identity: identity.map(|i| Arc::clone(&i.certified)),
            expired: identity.is_some_and(|i| i.not_after < now.into()),
            requested: AtomicBool::new(false),
            presented: AtomicBool::new(false),
        }
    }

    pub(super) fn seen(&self) -> ClientAuth {
        ClientAuth {
            requested: self.requested.load(Ordering::Relaxed),
            presented: self.presented.load(Ordering::Relaxed),
            expired: self.expired,
        }
    }
}

impl ResolvesClientCert for ClientResolver {
    fn resolve(&self, _issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.requested.store(true, Ordering::Relaxed);
        let usable = self.identity.as_ref().filter(|i| i.key.choose_scheme(schemes).is_some())?;
        self.presented.store(true, Ordering::Relaxed);
        Some(Arc::clone(usable))
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}
