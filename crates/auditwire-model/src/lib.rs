//! The nouns of Auditwire: events, severities, identities, connections, the
//! search language's syntax tree, and the wire formats. Start with
//! [`event::EventDraft`] (untrusted) and [`event::EventView`] (a row of a record
//! batch, which is what every reader sees).
//!
//! Nothing in this crate does I/O, waits, or reads a clock.

pub mod access;
pub mod catalogue;
pub mod clock;
pub mod connection;
pub mod event;
pub mod export;
pub mod id;
pub mod query;
pub mod reserved;
pub mod severity;
pub mod shapes;
pub mod wire;

pub use clock::{Clock, Timestamp};
pub use id::{AccountId, ConnectionId, Epoch, Position, ProjectId, TokenId};
pub use severity::Severity;
