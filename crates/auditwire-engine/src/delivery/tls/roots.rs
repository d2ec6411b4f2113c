//! The certificate authorities that the system trusts. Reading them takes files and milliseconds (some 140 certificates), so it is done
//! once, beside the runtime's own threads, and again seldom: handshakes get what was read last.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use rustls::RootCertStore;

/// How old what was read may be before it is read again.
const FRESH: Duration = Duration::from_secs(3600);

static READ: RwLock<Option<Read>> = RwLock::new(None);
/// Held by whoever reads.
static READING: Mutex<()> = Mutex::new(());

/// What was read, and when.
#[derive(Clone)]
struct Read {
    roots: Arc<RootCertStore>,
    at: Instant,
}

/// The system's roots as they were read last; those that cannot be read are left out, and without any every chain is unknown.
/// Waits only when nothing was read yet. What is older than an hour is read again in the background, for those who come later.
pub(super) fn system_roots() -> Arc<RootCertStore> {
    let known = READ.read().clone();
    match known {
        Some(known) => {
            if known.at.elapsed() >= FRESH {
                refresh();
            }
            known.roots
        }
        None => read_first(),
    }
}

/// Reads them in the background, so that the first handshake need not.
pub(crate) fn prepare() {
    if READ.read().is_none() {
        beside(|| drop(read_first()));
    }
}

fn refresh() {
    beside(|| {
        if let Some(_reading) = READING.try_lock() {
            keep(load());
        }
    });
}

/// One reads, whoever comes meanwhile waits for it.
fn read_first() -> Arc<RootCertStore> {
    let _reading = READING.lock();
    let known = READ.read().clone();
    known.map_or_else(|| keep(load()), |known| known.roots)
}

fn keep(roots: RootCertStore) -> Arc<RootCertStore> {
    let roots = Arc::new(roots);
    *READ.write() = Some(Read { roots: Arc::clone(&roots), at: Instant::now() });
    roots
}

/// On a thread of its own. When there is none to be had, the next one tries.
fn beside(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name("roots".to_owned()).spawn(work) {
        tracing::warn!(%error, "the system's certificate authorities could not be read in the background");
    }
}

fn load() -> RootCertStore {
    #[cfg(test)]
    tests::LOADS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use auditwire_model::Timestamp;
    use auditwire_model::clock::ManualClock;
    use auditwire_model::connection::{Endpoint, TlsSpec};

    use super::*;
    use crate::delivery::tls::TlsTarget;

    /// How often this process has read them.
    pub(super) static LOADS: AtomicUsize = AtomicUsize::new(0);

    #[test]
    fn a_thousand_handshakes_read_the_roots_once() {
        let clock: Arc<dyn auditwire_model::Clock> = Arc::new(ManualClock::new(Timestamp::EPOCH));
        let host = Endpoint::parse("siem.example.com:6514").unwrap().host;
        for _ in 0..1000 {
            TlsTarget::to(&host, &TlsSpec::default(), None, &clock).unwrap();
        }
        // All tests of this process together, but for one that began to read beside this one.
        assert!(LOADS.load(SeqCst) <= 2, "{LOADS:?}");
        assert!(Arc::ptr_eq(&system_roots(), &system_roots()));
    }
}
