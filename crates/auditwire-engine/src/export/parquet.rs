//! Writes the Parquet file of an export: bytes leave as row groups are complete, so that a file of any length is written in
//! bounded memory.

use arrow_array::RecordBatch;
use auditwire_model::export::flat;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::render::unwritable;
use crate::error::Result;

/// Most rows of a row group.
const GROUP_ROWS: usize = 65_536;
/// Most bytes of a row group in memory, about.
const GROUP_BYTES: usize = 32 << 20;

/// The file under way.
pub(super) struct ParquetFile(ArrowWriter<Vec<u8>>);

impl ParquetFile {
    /// Begins a file.
    pub(super) fn new() -> Result<Self> {
        let level = ZstdLevel::try_new(1).map_err(|e| unwritable(&e))?;
        let properties = WriterProperties::builder()
            .set_created_by(concat!("auditwire ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_coerce_types(true)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), flat::table(), Some(properties)).map_err(|e| unwritable(&e))?;
        Ok(Self(writer))
    }

    /// Appends rows; the bytes that are complete by then. Takes time: not for the runtime's threads.
    pub(super) fn push(&mut self, rows: &RecordBatch) -> Result<Vec<u8>> {
        self.0.write(rows).map_err(|e| unwritable(&e))?;
        if self.0.memory_size() >= GROUP_BYTES {
            self.0.flush().map_err(|e| unwritable(&e))?;
        }
        self.0.sync().map_err(|e| unwritable(&e))?;
        Ok(std::mem::take(self.0.inner_mut()))
    }

    /// Ends the file; the rest of its bytes.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.0.finish().map_err(|e| unwritable(&e))?;
        Ok(std::mem::take(self.0.inner_mut()))
    }
}
