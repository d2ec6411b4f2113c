//! Events as rows of a file. Pure writers, one file per format; the engine's `export` decides which events.

pub mod tsv;
