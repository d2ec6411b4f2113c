//! What an export makes of one piece of its scan. Pure work, done where the scan runs.

use arrow_array::RecordBatch;
use auditwire_model::event::{EventView, rows};
use auditwire_model::export::{Format, Formulas, csv, flat, jsonl, tsv};

use super::audit::Taken;
use crate::error::{Error, Kind, Result};

/// A piece of the file.
pub(super) struct Rendered {
    pub(super) taken: Taken,
    pub(super) body: Body,
}

/// Its contents.
pub(super) enum Body {
    /// As they go out.
    Bytes(Vec<u8>),
    /// For the Parquet file under way.
    Rows(RecordBatch),
}

/// What stands before the first event.
pub(super) fn header(format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    match format {
        Format::Tsv => tsv::write_header(&mut out),
        Format::Csv => csv::write_header(&mut out),
        Format::JsonLines | Format::Parquet => {}
    }
    out
}

/// Renders the events of a batch.
pub(super) fn render(format: Format, formulas: Formulas, batch: &RecordBatch) -> Result<Rendered> {
    let taken = Taken::of(batch);
    let write: fn(&EventView<'_>, Formulas, &mut Vec<u8>) = match format {
        Format::Tsv => tsv::write_row,
        Format::Csv => csv::write_row,
        Format::JsonLines => |event, _, out| jsonl::write_row(event, out),
        Format::Parquet => {
            let table = flat::rows(batch).map_err(|e| unwritable(&e))?;
            return Ok(Rendered { taken, body: Body::Rows(table) });
        }
    };
    // About what an event takes in any of these.
    let mut out = Vec::with_capacity(batch.num_rows() * 256);
    rows(batch).for_each(|event| write(&event, formulas, &mut out));
    Ok(Rendered { taken, body: Body::Bytes(out) })
}

pub(super) fn unwritable(error: &dyn std::error::Error) -> Error {
    let detail = "the events could not be written in this format; that is a defect, another format may do";
    Error::new(Kind::Internal, "export_failed", detail).caused_by(error.to_string())
}
