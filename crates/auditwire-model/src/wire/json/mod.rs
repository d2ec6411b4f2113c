//! JSON: the canonical bytes of an event with the delivery number at their end, and nothing else. No syslog header.

pub(super) mod mapping1;
pub(super) mod mapping2;
