//! The driver without coverage, in every run of the tests: what once broke something, then the seeds, then a fixed number of
//! inputs made out of them. `AUDITWIRE_FUZZ_RUNS` and `AUDITWIRE_FUZZ_SEED` make more or others.
#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a driver tells a defect by panicking")]

mod drive;

use std::collections::BTreeSet;

use auditwire_fuzz::TARGETS;

macro_rules! targets {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                drive::target($name);
            }
        )*

        #[test]
        fn every_target_has_a_test_and_every_crash_a_target() {
            let all: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(all, BTreeSet::from([$($name),*]));
            let folders = std::fs::read_dir(drive::crashes()).expect("the folder of crashes is there");
            for folder in folders.flatten().filter(|entry| entry.path().is_dir()) {
                let name = folder.file_name().into_string().expect("a name");
                assert!(all.contains(name.as_str()), "{name} has crashes and is no target");
            }
        }
    };
}

targets! {
    body_json: "body-json",
    body_ndjson: "body-ndjson",
    gzip: "gzip",
    zstd: "zstd",
    host: "host",
    wire: "wire",
    query: "query",
    rfc5424: "rfc5424",
    cef: "cef",
    leef: "leef",
    json: "json",
    frames: "frames",
    relp: "relp",
    pem: "pem",
    certificate: "certificate",
    connection: "connection",
    addresses: "addresses",
    times: "times",
    records: "records",
    group: "group",
    segment: "segment",
    summary: "summary",
    id_run: "id-run",
}
