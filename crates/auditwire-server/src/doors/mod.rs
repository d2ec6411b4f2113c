//! Doors for events that do not come over HTTP. Each reads its protocol, makes drafts, and hands them to the engine's intake.

pub mod syslog;
