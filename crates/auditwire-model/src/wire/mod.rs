//! What goes over the wire to a SIEM, and how such messages are read back.
//!
//! [`Renderer`] turns an event into one message without its frame; [`frame`](framing) puts the frame around it.
//! `docs/formats/wire.md` holds the published field and control-character maps.

pub mod framing;
mod render;

pub use render::{RenderContext, Rendered, Renderer, Unrenderable};
