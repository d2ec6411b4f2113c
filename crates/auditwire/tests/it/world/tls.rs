//! Certificates for receivers: an authority, a server for `localhost` and 127.0.0.1, and a client.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// PEM texts and, for programs that want files, their paths.
pub(crate) struct Pki {
    pub(crate) ca: String,
    pub(crate) server: String,
    pub(crate) server_key: String,
    pub(crate) client: String,
    pub(crate) client_key: String,
    folder: PathBuf,
}

impl Pki {
    /// Makes new ones and writes them to `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test CA");
        let ca = params.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(params, ca_key);
        let issue = |names: &[&str], common_name: &str| {
            let key = KeyPair::generate().unwrap();
            let names = names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
            let mut params = CertificateParams::new(names).unwrap();
            params.distinguished_name.push(DnType::CommonName, common_name);
            (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
        };
        let (server, server_key) = issue(&["localhost", "127.0.0.1"], "receiver");
        let (client, client_key) = issue(&["auditwire"], "auditwire");
        let pki = Self { ca, server, server_key, client, client_key, folder: folder.to_owned() };
        for (name, text) in [("ca.pem", &pki.ca), ("server.pem", &pki.server), ("server-key.pem", &pki.server_key)] {
            std::fs::write(pki.path(name), text).unwrap();
        }
        pki
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
