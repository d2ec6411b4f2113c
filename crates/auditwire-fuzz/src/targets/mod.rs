//! The targets themselves, by what they read.

pub(crate) mod bodies;
pub(crate) mod certificates;
pub(crate) mod frames;
pub(crate) mod http;
pub(crate) mod messages;
pub(crate) mod queries;
pub(crate) mod settings;
pub(crate) mod stored;
