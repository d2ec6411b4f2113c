//! Places at which a test makes a task panic. In production there are none: a test arms them, or a hidden flag of the binary
//! that no client can reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// The places that are armed. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Armed>);

#[derive(Debug, Default)]
struct Armed {
    /// Spares those who pass the lock.
    any: AtomicBool,
    faults: Mutex<Vec<Fault>>,
}

#[derive(Debug)]
struct Fault {
    point: String,
    about: String,
    times: u32,
}

impl Faults {
    /// From now on a task panics when it comes to `point` with something that contains `about`, so many times.
    pub fn arm(&self, point: &str, about: &str, times: u32) {
        let fault = Fault { point: point.to_owned(), about: about.to_owned(), times };
        self.0.faults.lock().push(fault);
        self.0.any.store(true, Ordering::Release);
    }

    #[expect(clippy::panic, reason = "that is what it is for")]
    pub(crate) fn reach(&self, point: &str, about: &str) {
        if !self.0.any.load(Ordering::Acquire) {
            return;
        }
        let met = |fault: &&mut Fault| fault.times > 0 && fault.point == point && about.contains(&fault.about);
        let hit = self.0.faults.lock().iter_mut().find(met).map(|fault| fault.times -= 1);
        if hit.is_some() {
            panic!("injected at {point}");
        }
    }
}
