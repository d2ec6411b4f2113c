//! What is rescued of a damaged store is what was accepted, or is named as lost; and the log goes on behind it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use auditwire_engine::log::{LogSettings, Scan};
use auditwire_engine::store::Order;
use auditwire_model::Position;
use auditwire_model::event::{Columns, rows};
use auditwire_model::query::Expr;
use auditwire_store::rescue;
use futures_util::TryStreamExt;
use proptest::prelude::*;

use super::damaged::closed;
use super::log::{event, open, project, submit};

const PAGE: usize = 8192;

/// What each case damages a copy of.
static WHOLE: OnceLock<(tempfile::TempDir, u64)> = OnceLock::new();

/// A closed store with segments and groups; its last position. Event `n` has the id `id-n`.
async fn filled(dir: &Path) -> u64 {
    let log = open(dir, LogSettings::default()).await;
    let mut next = 1;
    for group in 0..160_u64 {
        let size = 1 + group % 7;
        submit(&log, (next..next + size).map(|n| event(&format!("id-{n}"), 1)).collect()).await;
        next += size;
        if group == 50 || group == 90 {
            log.seal_now().await.unwrap();
        }
    }
    log.close().await;
    drop(log);
    closed(dir).await;
    next - 1
}

fn copy(from: &Path, to: &Path) {
    for (folder, to) in [(from.to_owned(), to.to_owned()), (from.join("segments"), to.join("segments"))] {
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.file_type().unwrap().is_file()) {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// What can be read of the log, and the ranges that are told as damaged.
async fn readable(dir: &Path) -> (BTreeMap<u64, String>, Vec<(u64, u64)>, Option<u64>) {
    let log = open(dir, LogSettings::default()).await;
    let scan = Scan {
        project: project(),
        from: Position(1),
        to: Position(u64::MAX),
        time_from: None,
        time_to: None,
        predicate: Expr::All,
        order: Order::Ascending,
        limit: None,
        columns: Columns::ALL,
        numbered: false,
    };
    let (mut found, mut lost) = (BTreeMap::new(), Vec::new());
    for piece in log.scan(scan).try_collect::<Vec<_>>().await.unwrap() {
        found.extend(rows(&piece.batch).map(|event| (event.seq.unwrap().0, event.event_id.to_owned())));
        lost.extend(piece.damage.map(|damage| (damage.from.0, damage.to.0)));
    }
    let next = submit(&log, vec![event("afterwards", 1)]).await[0];
    // Sealing and merging go on beside the holes.
    log.seal_now().await.unwrap();
    log.close().await;
    (found, lost, next)
}

#[tokio::test]
async fn of_a_sound_store_everything_is_kept() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let last = filled(dir.path()).await;
    let rescued = rescue(dir.path(), to.path()).await.unwrap();
    assert!(rescued.is_whole(), "{rescued:?}");
    assert_eq!(rescued.projects.iter().map(|project| project.kept).sum::<u64>(), last);
    let (found, lost, next) = readable(to.path()).await;
    assert_eq!((found.len() as u64, lost, next), (last, Vec::new(), Some(last + 1)));
}

#[tokio::test]
async fn of_what_is_no_database_the_files_are_kept() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(dir.path()).await;
    std::fs::write(dir.path().join("log.sqlite"), "x".repeat(20_000)).unwrap();
    let rescued = rescue(dir.path(), to.path()).await.unwrap();
    assert!(!rescued.readable && !rescued.is_whole() && rescued.files > 0, "{rescued:?}");
    assert!(!to.path().join("log.sqlite").exists(), "an empty store would hide the files");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn with_bytes_flipped_in_any_pages_nothing_false_is_kept_and_what_is_lost_is_named(
        flips in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec((0..PAGE, 1..=255_u8), 1..40)), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (whole, last) = WHOLE.get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let last = runtime.block_on(filled(dir.path()));
            (dir, last)
        });
        runtime.block_on(async {
            let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            copy(whole.path(), dir.path());
            let path = dir.path().join("log.sqlite");
            let mut bytes = std::fs::read(&path).unwrap();
            // The first page is the file's own: without it nothing can be read.
            let pages = bytes.len() / PAGE - 1;
            for (page, at) in &flips {
                let page = (1 + page.index(pages)) * PAGE;
                at.iter().for_each(|(at, mask)| bytes[page + at] ^= mask);
            }
            std::fs::write(&path, &bytes).unwrap();
            let rescued = rescue(dir.path(), to.path()).await.unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes, "the damaged store is as it was");
            if !rescued.projects.iter().any(|found| found.project == project().as_str()) {
                // Nothing says any more which positions there were.
                return assert!(!rescued.is_whole());
            }
            let (found, damaged, next) = readable(to.path()).await;
            for (seq, id) in &found {
                assert_eq!(*id, format!("id-{seq}"));
            }
            let of_project = rescued.projects.iter().find(|found| found.project == project().as_str());
            let (kept, lost) = of_project.map_or((0, Vec::new()), |found| (found.kept, found.lost.clone()));
            let named = |seq: u64| lost.iter().chain(&damaged).any(|(from, to)| (*from..=*to).contains(&seq));
            let head = next.unwrap() - 1;
            let silent: Vec<u64> = (1..=head).filter(|seq| !found.contains_key(seq) && !named(*seq)).collect();
            assert!(silent.is_empty(), "neither there nor named: {silent:?} of {rescued:?}");
            assert!(kept >= found.len() as u64);
            // What is behind the head is lost, too, and with it the head itself.
            assert!(head >= *last || !rescued.is_whole(), "{head} of {last}: {rescued:?}");
        });
    }
}
