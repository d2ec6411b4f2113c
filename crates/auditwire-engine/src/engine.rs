//! The engine: what every verb needs, in one place.

use std::sync::Arc;

use auditwire_model::Clock;

use crate::delivery::Delivery;
use crate::log::{Log, LogSettings};
use crate::secrets::Keyring;
use crate::store::Store;

/// Limits and addresses the engine is told by the binary.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The log's limits.
    pub log: LogSettings,
    /// One event's limits.
    pub event: auditwire_model::event::EventLimits,
    /// Delivery's limits and the address guard.
    pub delivery: crate::delivery::DeliverySettings,
}

/// The running engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Where everything lives.
    pub store: Arc<dyn Store>,
    /// The Event log.
    pub log: Log,
    /// Senders and their live state.
    pub delivery: Delivery,
    /// Opens and seals secrets.
    pub keyring: Arc<Keyring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Limits.
    pub settings: Arc<Settings>,
}
