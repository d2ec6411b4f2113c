//! How the columns of a segment lie in Parquet: the file's schema, encodings, statistics and filters.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use auditwire_model::event::{columns, schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, Type, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties};
use parquet::schema::types::SchemaDescriptor;

/// Version of the format; every version stays readable.
pub(super) const VERSION: &str = "1";
/// Key of the format version in the file's metadata.
pub(super) const VERSION_KEY: &str = "auditwire.segment";
/// Key of the id of the instance whose store wrote the file; a reader does without.
pub(super) const STORE_KEY: &str = "auditwire.store";
/// Most rows of a row group.
pub(super) const GROUP_ROWS: usize = 131_072;
/// Most rows of a page; pages of all columns end at the same rows unless a page got too large.
pub(super) const PAGE_ROWS: usize = 8192;
/// Most bytes of a page before compression, about.
const PAGE_BYTES: usize = 4 << 20;
/// Most bytes of a row group in memory, about: large events make smaller row groups.
pub(super) const GROUP_BYTES: usize = 128 << 20;
/// Most bytes of a dictionary; what comes after is spelled out.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Dictionaries of resource ids are mostly in vain, and a reader of few rows has to read them.
const ID_DICTIONARY_BYTES: usize = 256 << 10;
/// Higher levels take twice the time for a few per cent.
const ZSTD_LEVEL: i32 = 3;
/// One filter in twenty row groups that do not have an id says that it might: about one byte per id.
const BLOOM_FPP: f64 = 0.05;
/// Columns that filters are made of.
pub(super) const BLOOM_COLUMNS: [usize; 4] =
    [columns::EVENT_ID, columns::REQUEST_ID, columns::SUBJECT_USER_ID, columns::RESOURCE_ID];

/// Columns of events that a segment holds: all but the digest, which is 16 random bytes.
pub(super) const EVENT_COLUMNS: usize = columns::DIGEST;

/// The file's schema: `project`, then the event's columns, times told as such.
pub(super) fn file_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let mut fields = vec![Field::new("project", DataType::Utf8, false)];
        for (column, field) in schema().fields().iter().enumerate().take(EVENT_COLUMNS) {
            let field = field.as_ref().clone();
            fields.push(match column {
                columns::TIMESTAMP | columns::RECEIVED_AT => field.with_data_type(time.clone()),
                _ => field,
            });
        }
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// The leaf columns in Parquet of a column of the event schema; none for the digest.
pub(super) fn leaves(column: usize) -> Range<usize> {
    // Metadata have keys and values; leaf 0 is the project.
    let before =
        |c: usize| 1 + c + usize::from(c > columns::SUBJECT_METADATA) + usize::from(c > columns::RESOURCE_METADATA);
    if column < EVENT_COLUMNS { before(column)..before(column + 1) } else { 0..0 }
}

/// The file's schema in Parquet's words.
pub(super) fn parquet_schema() -> Result<SchemaDescriptor, ParquetError> {
    ArrowSchemaConverter::new().with_coerce_types(true).schema_root("event").convert(&file_schema())
}

/// Sizes in a segment; the defaults are the format's, tests take smaller ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) page_rows: usize,
    pub(super) group_rows: usize,
    pub(super) dictionary_bytes: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { page_rows: PAGE_ROWS, group_rows: GROUP_ROWS, dictionary_bytes: DICTIONARY_BYTES }
    }
}

/// How a segment is written.
pub(super) fn properties(schema: &SchemaDescriptor, sizes: Sizes) -> Result<WriterProperties, ParquetError> {
    let program = concat!("auditwire ", env!("CARGO_PKG_VERSION"));
    let mut builder = WriterProperties::builder()
        .set_created_by(program.to_owned())
        .set_coerce_types(true)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_data_page_row_count_limit(sizes.page_rows)
        .set_write_batch_size(sizes.page_rows.min(1024))
        .set_dictionary_page_size_limit(sizes.dictionary_bytes)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_max_row_group_row_count(Some(sizes.group_rows))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_bloom_filter_position(BloomFilterPosition::AfterRowGroup)
        .set_key_value_metadata(Some(vec![KeyValue::new(VERSION_KEY.to_owned(), VERSION.to_owned())]));
    let path = |leaf: usize| schema.column(leaf).path().clone();
    for leaf in 0..schema.num_columns() {
        // Lengths apart from the texts: random ids become nothing but letters, which compress and decompress better.
        if schema.column(leaf).physical_type() == Type::BYTE_ARRAY {
            builder = builder.set_column_encoding(path(leaf), Encoding::DELTA_LENGTH_BYTE_ARRAY);
        }
    }
    for column in [columns::SEQ, columns::TIMESTAMP, columns::RECEIVED_AT] {
        let path = path(leaves(column).start);
        builder = builder
            .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
            .set_column_dictionary_enabled(path, false);
    }
    for column in [columns::SEQ, columns::TIMESTAMP, columns::RECEIVED_AT, columns::SEVERITY] {
        builder = builder.set_column_statistics_enabled(path(leaves(column).start), EnabledStatistics::Page);
    }
    for column in [columns::EVENT_ID, columns::REQUEST_ID] {
        builder = builder.set_column_dictionary_enabled(path(leaves(column).start), false);
    }
    builder = builder.set_column_dictionary_page_size_limit(
        path(leaves(columns::RESOURCE_ID).start),
        ID_DICTIONARY_BYTES.min(sizes.dictionary_bytes),
    );
    for column in BLOOM_COLUMNS {
        let path = path(leaves(column).start);
        builder = builder
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_fpp(path.clone(), BLOOM_FPP)
            .set_column_bloom_filter_max_ndv(path, GROUP_ROWS as u64);
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_where_parquet_has_them() {
        let parquet = parquet_schema().unwrap();
        for (column, field) in schema().fields().iter().enumerate().take(EVENT_COLUMNS) {
            for leaf in leaves(column) {
                assert_eq!(parquet.column(leaf).path().parts()[0], *field.name());
            }
        }
        assert_eq!(leaves(EVENT_COLUMNS - 1).end, parquet.num_columns());
        assert_eq!(leaves(columns::DIGEST).len(), 0);
    }
}
