//! The event catalogue: every known event type with its source and an English title.
