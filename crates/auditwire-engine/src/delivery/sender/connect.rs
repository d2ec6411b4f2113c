//! Makes the links of one connection revision: resolves, connects, greets.

use auditwire_model::ProjectId;
use auditwire_model::connection::Transport;

use super::super::Context;
use super::super::failure::LinkFailure;
use super::super::link::{Link, LinkError, connect};
use super::super::resolve::resolve;
use super::super::tls::{PemBundle, TlsTarget};
use super::unusable;
use crate::records::StoredConnection;
use crate::secrets;

/// Makes links.
#[derive(Debug)]
pub(super) struct Connector {
    context: Context,
    project: ProjectId,
    connection: StoredConnection,
    /// Of the present link: explains its errors.
    tls: Option<TlsTarget>,
}

impl Connector {
    pub(super) fn new(context: Context, project: ProjectId, connection: StoredConnection) -> Self {
        Self { context, project, connection, tls: None }
    }

    /// A new link. Every stage has a limit of its own; nothing waits for ever.
    pub(super) async fn connect(&mut self) -> Result<Link, LinkFailure> {
        let spec = &self.connection.spec;
        let guard = &self.context.guard;
        let addresses = resolve(&spec.endpoint, guard).await?;
        let permits = |address| guard.permits(address);
        if spec.transport == Transport::Udp {
            let made = connect::udp(&addresses, permits).await;
            return made.map(|(link, _)| Link::Udp(link)).map_err(|e| self.explain(&e));
        }
        let (relp, target) =
            (spec.transport.is_relp(), if spec.transport.is_tls() { Some(self.target().await?) } else { None });
        let secure = target.as_ref().map(|target| (target.config.clone(), target.server_name.clone()));
        let id = self.connection.id.clone();
        let made = async {
            let (tcp, _) = connect::tcp(&addresses, permits).await?;
            let link = match secure {
                None => Link::Tcp(tcp),
                Some((config, name)) => {
                    let link = connect::tls(tcp, config, name).await?;
                    let session = link.session();
                    let (version, cipher) = (session.protocol_version(), session.negotiated_cipher_suite());
                    tracing::debug!(connection = %id, ?version, cipher = ?cipher.map(|c| c.suite()), "TLS is up");
                    Link::Tls(Box::new(link))
                }
            };
            if relp { connect::relp(link, connect::OPEN_LIMIT).await } else { Ok(link) }
        };
        let made = made.await;
        self.tls = target;
        made.map_err(|e| self.explain(&e))
    }

    /// A fresh target for each link, because what the server asks of us belongs to one handshake.
    async fn target(&self) -> Result<TlsTarget, LinkFailure> {
        let (store, keyring) = (&*self.context.store, &self.context.keyring);
        let sealed = secrets::connection_pem(store, keyring, &self.project, self.connection.id.as_str()).await;
        let pem = sealed.map_err(|e| unusable(e.code, e.detail))?;
        let pem = pem.map(|pem| PemBundle::parse(pem.expose())).transpose().map_err(|e| unusable(e.code, e.message))?;
        TlsTarget::new(&self.connection.spec, pem.as_ref(), &self.context.clock)
    }

    /// Why a link could not be made or has ended.
    pub(super) fn explain(&self, error: &LinkError) -> LinkFailure {
        let client = self.tls.as_ref().map(TlsTarget::client_auth).unwrap_or_default();
        LinkFailure::from_link(error, client)
    }
}
