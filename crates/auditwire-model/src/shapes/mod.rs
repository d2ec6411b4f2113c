//! Foreign shapes of events, one file each: what a door has read becomes an [`EventDraft`](crate::event::EventDraft).

pub mod syslog;
