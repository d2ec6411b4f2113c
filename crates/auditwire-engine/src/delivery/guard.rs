//! Nothing may reach the operator's network through a customer's settings: [`AddressGuard`] decides on the address of
//! the very `connect` call, after name resolution, for check, delivery, replay and webhooks alike (product section 10).

mod embedded;
mod table;

use std::net::{IpAddr, SocketAddr, UdpSocket};

use ipnet::IpNet;

use super::DeliverySettings;
use super::failure::LinkFailure;

/// Which addresses may be connected to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AddressGuard {
    allow_loopback: bool,
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    own_listeners: Vec<SocketAddr>,
}

impl AddressGuard {
    /// The rules of this process.
    #[must_use]
    pub fn new(settings: &DeliverySettings) -> Self {
        Self {
            allow_loopback: settings.allow_loopback,
            allow: settings.allow.clone(),
            deny: settings.deny.clone(),
            own_listeners: settings.own_listeners.clone(),
        }
    }

    /// May this address be connected to? In order: never our own listeners, never a configured `deny` range, always an
    /// `allow` range, never a row of the table, and loopback by its setting. What an IPv6 address leads to behind a
    /// translator or tunnel is judged as well.
    #[must_use]
    pub fn permits(&self, address: SocketAddr) -> bool {
        let outer = address.ip().to_canonical();
        let meant = || std::iter::once(outer).chain(embedded::addresses(outer));
        if meant().any(|ip| self.is_own_listener(ip, address.port()) || contains(&self.deny, ip)) {
            return false;
        }
        contains(&self.allow, outer) || meant().all(|ip| self.class_permits(ip))
    }

    /// As [`Self::permits`], with the one failure that tells nothing about the address.
    ///
    /// # Errors
    /// `address_forbidden`.
    pub fn demand(&self, address: SocketAddr) -> Result<(), LinkFailure> {
        if self.permits(address) { Ok(()) } else { Err(forbidden()) }
    }

    fn class_permits(&self, ip: IpAddr) -> bool {
        if contains(&self.allow, ip) {
            return true;
        }
        if table::LOOPBACK.iter().any(|row| row.network.contains(&ip)) {
            return self.allow_loopback;
        }
        !table::REFUSED.iter().any(|row| row.network.contains(&ip))
    }

    fn is_own_listener(&self, ip: IpAddr, port: u16) -> bool {
        self.own_listeners.iter().filter(|own| own.port() == port).any(|own| {
            let bound = own.ip().to_canonical();
            bound == ip || (bound.is_unspecified() && is_local(ip))
        })
    }
}

/// The only thing that is said about a forbidden address.
pub(super) fn forbidden() -> LinkFailure {
    LinkFailure::new("address_forbidden", "This connection point may not be connected to from here.")
}

fn contains(networks: &[IpNet], ip: IpAddr) -> bool {
    networks.iter().any(|net| net.contains(&ip))
}

/// Does this address belong to this machine? Only local addresses can be bound; anything but a clear "no" counts as yes.
fn is_local(ip: IpAddr) -> bool {
    if ip.is_loopback() || ip.is_unspecified() {
        return true;
    }
    match UdpSocket::bind((ip, 0)) {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::AddrNotAvailable,
    }
}

#[cfg(test)]
mod tests;
