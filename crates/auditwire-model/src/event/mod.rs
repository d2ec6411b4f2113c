//! One audit event, from untrusted draft to stored row.
//!
//! A door turns foreign bytes into an [`EventDraft`]. Intake completes it ([`EventDraft::complete`]) and
//! the committer gives it a [`Position`](crate::Position) by appending it to a [`BatchBuilder`]. From then on an event
//! is a row of a record batch ([`schema`]), read through [`EventView`].

mod batch;
mod canonical;
mod column_set;
mod draft;
mod escape;
mod json;
mod limits;
mod metadata;
mod schema;
#[cfg(test)]
pub(crate) mod testing;
mod view;

pub use batch::{BatchBuilder, BatchRoom};
pub(crate) use canonical::{Tail, write_canonical_of, write_delivered, write_tail};
pub use canonical::{content_bytes, write_canonical};
pub use column_set::Columns;
pub use draft::{Event, EventDraft, Outcome, Plane};
pub use escape::append_json_string;
pub use json::{DraftReader, Items, Rejection, RejectionCode, UnreadableBody, UnreadableCode};
pub use limits::EventLimits;
pub use metadata::Metadata;
pub use schema::{SCHEMA_VERSION, columns, schema};
pub use view::{EventView, Pairs, Texts, rows, view};
