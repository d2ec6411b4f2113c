//! Makes the links of one connection revision: resolves, connects, greets.

use std::collections::BTreeSet;
use std::net::SocketAddr;

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
    /// Of the present UDP link: where to, and how many further addresses there are.
    datagrams: Option<(SocketAddr, usize)>,
    /// Addresses of the name at which UDP met nobody; all are tried again when none is left.
    nobody_at: BTreeSet<SocketAddr>,
    /// The receiver ends its direction at once and reads on: learned on an earlier link.
    pub(super) reads_on: bool,
}

impl Connector {
    pub(super) fn new(context: Context, project: ProjectId, connection: StoredConnection) -> Self {
        let (tls, datagrams, nobody_at, reads_on) = (None, None, BTreeSet::new(), false);
        Self { context, project, connection, tls, datagrams, nobody_at, reads_on }
    }

    /// A new link. Every stage has a limit of its own; nothing waits for ever.
    pub(super) async fn connect(&mut self) -> Result<Link, LinkFailure> {
        let spec = &self.connection.spec;
        let guard = &self.context.guard;
        let addresses = resolve(&spec.endpoint, guard).await?;
        let permits = |address| guard.permits(address);
        if spec.transport == Transport::Udp {
            let left = untried(&addresses, &mut self.nobody_at);
            let (link, address) = connect::udp(&left, permits).await.map_err(|e| self.explain(&e))?;
            let further = left.iter().rev().take_while(|other| **other != address).count();
            self.datagrams = Some((address, further));
            return Ok(Link::Udp(link));
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

    /// Why a link has ended; `worked`: messages were acknowledged on it, and the handshake was over.
    pub(super) fn ended(&mut self, error: &LinkError, worked: bool) -> LinkFailure {
        let mut failure = if worked { LinkFailure::of_worked(error) } else { self.explain(error) };
        if let Some((address, further)) = self.datagrams.take() {
            self.nobody_at.insert(address);
            if further > 0 {
                failure.message.push_str(
                    " That is one of the name's addresses: what was sent to it within the last second is sent again to the next.",
                );
            }
        }
        failure
    }

    /// Why a link could not be made.
    pub(super) fn explain(&self, error: &LinkError) -> LinkFailure {
        let client = self.tls.as_ref().map(TlsTarget::client_auth).unwrap_or_default();
        LinkFailure::from_link(error, client)
    }
}

/// The addresses at which nobody was missed yet, in their order. What the name does not lead to any more is forgotten, as name servers
/// may answer something else every time.
fn untried(addresses: &[SocketAddr], nobody_at: &mut BTreeSet<SocketAddr>) -> Vec<SocketAddr> {
    nobody_at.retain(|address| addresses.contains(address));
    if addresses.iter().all(|address| nobody_at.contains(address)) {
        nobody_at.clear();
    }
    addresses.iter().copied().filter(|address| !nobody_at.contains(address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_anybody_are_left_out_until_none_is_left_and_no_others_are_remembered() {
        let [a, b, c] = [1, 2, 3].map(|last| SocketAddr::from(([127, 0, 0, last], 514)));
        let mut nobody_at = BTreeSet::from([a, c]);
        assert_eq!(untried(&[a, b], &mut nobody_at), [b]);
        assert_eq!(nobody_at, BTreeSet::from([a]), "the name leads to the third no more");
        nobody_at.insert(b);
        assert_eq!(untried(&[a, b], &mut nobody_at), [a, b], "all are tried again");
        assert!(nobody_at.is_empty());
    }
}
