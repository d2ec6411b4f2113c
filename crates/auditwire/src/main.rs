//! The binary: verbs, configuration, wiring, lifecycle.

fn main() {}
