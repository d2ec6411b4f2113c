//! Fuzz targets: every reader of foreign bytes as a plain function over bytes that panics where the reader does, or where what
//! it says contradicts its inverse or a second reader.
//!
//! [`TARGETS`] is the one table. Two drivers use it: `tests/it` mutates seeds in every run of the tests ([`mutate`]), and
//! `examples/coverage.rs` lets libFuzzer follow the coverage (`cargo xtask fuzz`). Inputs that once broke something lie in
//! `tests/crashes/TARGET/` and are tried first by both.
#![expect(clippy::expect_used, reason = "a target tells a defect by panicking")]

pub mod mutate;
mod samples;
mod targets;

/// A reader of foreign bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// As on the command line, and the folder of its crashes.
    pub name: &'static str,
    /// What it reads, and whose bytes those are.
    pub reads: &'static str,
    /// Reads; panics when something is wrong.
    pub run: fn(&[u8]),
    /// What our own writers write, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces that mean something to the reader.
    pub words: &'static [&'static str],
    /// Most memory that reading one input of at most [`INPUT_BYTES_MAX`] may take at once, the target's own checks included.
    pub memory_max: usize,
}

/// Longest input that a driver makes.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

const MIB: usize = 1 << 20;

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "body-json",
        reads: "the body of POST /events: one object or an array (a client)",
        run: targets::bodies::json,
        seeds: samples::bodies,
        words: samples::JSON_WORDS,
        memory_max: 64 * MIB,
    },
    Target {
        name: "body-ndjson",
        reads: "the body of POST /events: one object a line (a client)",
        run: targets::bodies::ndjson,
        seeds: samples::lines,
        words: samples::JSON_WORDS,
        memory_max: 64 * MIB,
    },
    Target {
        name: "gzip",
        reads: "a compressed body (a client)",
        run: targets::http::gzip,
        seeds: samples::gzip,
        words: &[],
        memory_max: 16 * MIB,
    },
    Target {
        name: "zstd",
        reads: "a compressed body (a client)",
        run: targets::http::zstd,
        seeds: samples::zstd,
        words: &[],
        // The window of 8 MiB, and what zstd keeps beside it.
        memory_max: 32 * MIB,
    },
    Target {
        name: "host",
        reads: "the Host header and the names of a proxy (a client)",
        run: targets::http::host,
        seeds: samples::hosts,
        words: samples::ADDRESS_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "wire",
        reads: "events of a client, through every writer of messages, by the strict readers (a client)",
        run: targets::messages::written,
        seeds: samples::bodies,
        words: samples::JSON_WORDS,
        memory_max: 64 * MIB,
    },
    Target {
        name: "query",
        reads: "the search language, and its completion (a client)",
        run: targets::queries::query,
        seeds: samples::queries,
        words: samples::QUERY_WORDS,
        memory_max: 64 * MIB,
    },
    Target {
        name: "rfc5424",
        reads: "an RFC 5424 message, and the event that it becomes (a sender of syslog; `receive`)",
        run: targets::messages::rfc5424,
        seeds: samples::rfc5424,
        words: samples::MESSAGE_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "cef",
        reads: "a CEF message (`receive`)",
        run: targets::messages::cef,
        seeds: samples::cef,
        words: samples::MESSAGE_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "leef",
        reads: "a LEEF message (`receive`)",
        run: targets::messages::leef,
        seeds: samples::leef,
        words: samples::MESSAGE_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "json",
        reads: "a message in the format JSON (`receive`)",
        run: targets::messages::json,
        seeds: samples::json,
        words: samples::JSON_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "frames",
        reads: "frames of syslog over TCP: LF, octet counting, each for itself (a sender of syslog; `receive`)",
        run: targets::frames::syslog,
        seeds: samples::frames,
        words: samples::FRAME_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "relp",
        reads: "frames of RELP (a SIEM; `receive`)",
        run: targets::frames::relp,
        seeds: samples::relp,
        words: samples::FRAME_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "pem",
        reads: "the PEM of a connection or a webhook (a tenant)",
        run: targets::certificates::pem,
        seeds: samples::pem,
        words: samples::PEM_WORDS,
        memory_max: 16 * MIB,
    },
    Target {
        name: "certificate",
        reads: "a certificate in DER, told and verified (a SIEM; a tenant)",
        run: targets::certificates::der,
        seeds: samples::der,
        words: &[],
        memory_max: 8 * MIB,
    },
    Target {
        name: "connection",
        reads: "the body that makes or changes a connection (a tenant)",
        run: targets::settings::connection,
        seeds: samples::connections,
        words: samples::CONNECTION_WORDS,
        memory_max: 16 * MIB,
    },
    Target {
        name: "addresses",
        reads: "endpoints, webhook addresses, ids, fingerprints (a tenant)",
        run: targets::settings::addresses,
        seeds: samples::addresses,
        words: samples::ADDRESS_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "times",
        reads: "times, absolute (RFC 3339) and relative (a client)",
        run: targets::settings::times,
        seeds: samples::times,
        words: samples::TIME_WORDS,
        memory_max: 8 * MIB,
    },
    Target {
        name: "records",
        reads: "stored documents (the disk)",
        run: targets::stored::records,
        seeds: samples::records,
        words: samples::JSON_WORDS,
        memory_max: 16 * MIB,
    },
    Target {
        name: "group",
        reads: "the bytes of a group in SQL, with its checksum made right (the disk)",
        run: targets::stored::group,
        seeds: samples::groups,
        words: &[],
        memory_max: 64 * MIB,
    },
    Target {
        name: "segment",
        reads: "a sealed segment, with its checksums made right (the disk)",
        run: targets::stored::segment,
        seeds: samples::segments,
        words: &[],
        // Behind checksums, so only our own writer announces sizes; a page's header can say 2 GiB.
        memory_max: 4096 * MIB,
    },
    Target {
        name: "summary",
        reads: "the counts beside a span, before their compression (the disk)",
        run: targets::stored::summary,
        seeds: samples::summaries,
        words: &[],
        memory_max: 256 * MIB,
    },
    Target {
        name: "id-run",
        reads: "a part and a filter of an id run, with their checksums made right (the disk)",
        run: targets::stored::id_run,
        seeds: samples::id_runs,
        words: &[],
        memory_max: 16 * MIB,
    },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
