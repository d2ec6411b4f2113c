//! From an endpoint to the addresses it may be reached at.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use auditwire_model::connection::{Endpoint, Host};

use super::failure::LinkFailure;
use super::guard::AddressGuard;

/// How long a name may take to resolve.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The addresses of `endpoint`, in the resolver's order; all of them are permitted. Resolve anew for each connect and
/// connect to exactly what this returned, so that a name cannot change its answer in between.
///
/// # Errors
/// `name_not_found`, `name_server_failed` (also after 5 s), `address_forbidden` when any answer is, `no_descriptors` when there was none
/// left to ask with.
pub async fn resolve(endpoint: &Endpoint, guard: &AddressGuard) -> Result<Vec<SocketAddr>, LinkFailure> {
    let addresses = match &endpoint.host {
        Host::Address(ip) => vec![SocketAddr::new(*ip, endpoint.port)],
        // RFC 6761 section 6.4: such names do not exist, and asking for them is pointless.
        Host::Name(name) if name.ends_with(".invalid") => return Err(not_found(name)),
        Host::Name(name) => look_up(name, endpoint.port).await?,
    };
    for address in &addresses {
        guard.demand(*address)?;
    }
    Ok(addresses)
}

async fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, LinkFailure> {
    let answer = tokio::time::timeout(RESOLVE_TIMEOUT, ask(name, port)).await;
    let found = match answer {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(unasked(&error).unwrap_or_else(|| classify(name, &error))),
        Err(_) => return Err(LinkFailure::new("name_server_failed", "The name servers did not answer within 5 s.")),
    };
    if found.is_empty() { Err(not_found(name)) } else { Ok(found) }
}

/// The system's resolver.
async fn ask(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    #[cfg(test)]
    if let Some(scripted) = tests::scripted(name, port) {
        return scripted;
    }
    Ok(tokio::net::lookup_host((name, port)).await?.collect())
}

/// The name servers were not asked: this process had no descriptor, memory or right to do so. The C library tells that only sometimes:
/// without a descriptor it cannot read its own files either, and says whatever it makes of that. So it is tried here, too.
fn unasked(error: &io::Error) -> Option<LinkFailure> {
    let own = |error: &io::Error| {
        let failure = LinkFailure::from_connect(error);
        matches!(failure.code, "no_descriptors" | "no_resources" | "not_permitted").then_some(failure)
    };
    let told = error.raw_os_error().is_some().then(|| own(error)).flatten();
    told.or_else(|| std::net::UdpSocket::bind(("127.0.0.1", 0)).err().as_ref().and_then(own))
}

fn not_found(name: &str) -> LinkFailure {
    LinkFailure::new("name_not_found", format!("There is no host named {name}."))
}

/// `getaddrinfo` failures reach us only as text, and the text is the C library's: a temporary failure (`EAI_AGAIN`,
/// `EAI_FAIL`) and a failure of the system (`EAI_SYSTEM`) mean that nothing is known about the name; all others mean that it has no address.
fn classify(name: &str, error: &io::Error) -> LinkFailure {
    let text = error.to_string().to_lowercase();
    let unknown = ["temporary failure", "try again", "non-recoverable", "system error"];
    if error.raw_os_error().is_some() || unknown.iter().any(|t| text.contains(t)) {
        LinkFailure::new("name_server_failed", format!("The name servers could not say whether {name} exists."))
    } else {
        not_found(name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use parking_lot::Mutex;

    use super::*;
    use crate::delivery::DeliverySettings;

    /// Names whose answers no test machine could be relied on to give.
    pub(super) fn scripted(name: &str, port: u16) -> Option<io::Result<Vec<SocketAddr>>> {
        let failed = || io::Error::other("failed to lookup address information: Temporary failure in name resolution");
        match name {
            "unanswered.test" => Some(Err(failed())),
            "crowded.test" => Some(Err(io::Error::from_raw_os_error(libc::EMFILE))),
            "twofold.test" => Some(Ok(vec![([127, 0, 0, 2], port).into(), ([127, 0, 0, 3], port).into()])),
            "rebinding.test" => Some(Ok(vec![([10, 0, 0, 5], port).into(), ([169, 254, 169, 254], port).into()])),
            name if name.starts_with("turning-") => Some(Ok(vec![turning(name, port)])),
            _ => None,
        }
    }

    /// The answer of a name server that shows a permitted address to whoever judges and a forbidden one to whoever connects.
    fn turning(name: &str, port: u16) -> SocketAddr {
        static ASKED: Mutex<BTreeSet<(String, u16)>> = Mutex::new(BTreeSet::new());
        let first = ASKED.lock().insert((name.to_owned(), port));
        if first { ([127, 0, 0, 1], port).into() } else { ([169, 254, 169, 254], port).into() }
    }

    #[test]
    fn failures_of_the_resolver_are_told_apart() {
        let code = |text: &str| {
            classify("siem", &io::Error::other(format!("failed to lookup address information: {text}"))).code
        };
        assert_eq!(code("Name or service not known"), "name_not_found");
        assert_eq!(code("No address associated with hostname"), "name_not_found");
        assert_eq!(code("Temporary failure in name resolution"), "name_server_failed");
        assert_eq!(code("Non-recoverable failure in name resolution"), "name_server_failed");
        assert_eq!(code("Try again"), "name_server_failed");
    }

    #[tokio::test]
    async fn every_answer_must_be_permitted() {
        let open = AddressGuard::new(&DeliverySettings { allow_loopback: true, ..Default::default() });
        let closed = AddressGuard::new(&DeliverySettings::default());
        let endpoint = Endpoint::parse("localhost:514").expect("endpoint");
        assert!(!resolve(&endpoint, &open).await.expect("localhost resolves").is_empty());
        let failure = resolve(&endpoint, &closed).await.expect_err("loopback is closed");
        assert_eq!(failure.code, "address_forbidden");
        assert!(!failure.message.contains("127.0.0.1"), "{}", failure.message);
        let rebinding = Endpoint::parse("rebinding.test:514").expect("endpoint");
        assert_eq!(resolve(&rebinding, &open).await.map_err(|f| f.code), Err("address_forbidden"));
    }
}
