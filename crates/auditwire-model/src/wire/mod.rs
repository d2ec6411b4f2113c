//! What goes over the wire to a SIEM, and how such messages are read back.
//!
//! [`Renderer`] turns an event into one message without its frame, by the connection's mapping: of each format there are two,
//! of which the first is frozen; [`framing`] puts the frame around it and takes it
//! off again. [`read5424`], [`read_cef`], [`read_leef`] and [`read_json`] are strict readers that explain what is wrong with
//! a message; they share no code with the writers, so that each proves the other. `docs/formats/wire.md` holds the published field and
//! control-character maps.

mod address;
mod cef;
mod control;
mod facts;
pub mod framing;
mod json;
mod keyed;
mod leef;
mod less;
mod members;
mod problem;
pub mod read5424;
pub mod read_cef;
pub mod read_json;
pub mod read_leef;
pub mod relp;
mod render;
mod rfc5424;
mod time;

#[cfg(test)]
mod tests;

pub use problem::Problem;
pub use render::{RenderContext, Rendered, Renderer, Unrenderable, app_name_default, max_bytes_default};
