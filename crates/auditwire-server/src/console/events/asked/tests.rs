use auditwire_engine::search::Page;
use auditwire_model::ProjectId;
use auditwire_model::clock::ManualClock;

use super::super::view::PageSearch;
use super::*;
use crate::console::time::zone;
use crate::console::urls::Urls;
use crate::console::words::Language;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T10:00:00.5Z").expect("a time")
}

fn asked(query: &str) -> Asked {
    let words = Words(Language::English);
    Asked::read(query, &Calendar::new(zone("UTC").expect("a zone"), &ManualClock::new(now()), words), words)
}

#[test]
fn an_address_reproduces_its_view() {
    for address in [
        "",
        "plane=data&range=7d",
        "order=asc&live=1",
        "range=all&source=iam&source=a%26b+c&severity=ERROR&severity=CRITICAL&outcome=failure",
        "from=2026-11-20T00%3A00%3A00Z&to=2026-11-21T00%3A00%3A00Z&before=70",
        "to=2026-11-21T00%3A00%3A00Z",
        "after=7&at=2026-11-22T09%3A00%3A00Z",
        "live=1&with=counts&q=action+%3D+a&action=b&user=u-1&type=vm",
        "q=action+%3D&before=7",
    ] {
        let read = asked(address);
        assert_eq!(read.view.address(), address);
        assert!(!read.errors.any(), "{address}");
    }
}

#[test]
fn what_is_usual_is_left_out_and_what_forms_send_is_read() {
    let same = "plane=control&range=24h&from=&to=&zone=UTC&source=&severity=error&severity=ERROR&order=desc&at=x";
    assert_eq!(asked(same).view.address(), "severity=ERROR");
    let local = "range=7d&from=2026-11-20T03%3A00&to=&zone=Europe%2FMoscow";
    assert_eq!(asked(local).view.address(), "from=2026-11-20T00%3A00%3A00Z");
}

#[test]
fn what_is_wrong_is_explained_and_the_rest_is_shown() {
    let read = asked("from=soon&to=2026-11-21T00:00&severity=LOUD&severity=ERROR&outcome=x&range=1y&before=x");
    for field in ["from", "severity", "outcome", "range"] {
        assert!(read.errors.of(field).is_some(), "{field}");
    }
    assert_eq!(read.view.address(), "to=2026-11-21T00%3A00%3A00Z&severity=ERROR");
    let turned = asked("from=2026-11-21T00:00&to=2026-11-20T00:00");
    assert!(turned.errors.of("to").is_some());
    assert_eq!(turned.wrong_end.map(|t| t.to_string()).as_deref(), Some("2026-11-20T00:00:00Z"));
    assert_eq!(turned.view.address(), "from=2026-11-21T00%3A00%3A00Z");
}

/// An address may have 64 KiB; each source in it would be looked for in each event.
#[test]
fn the_choice_of_sources_is_bounded() {
    let many: Vec<String> = (0..8_000).map(|n| format!("source={n}")).collect();
    let read = asked(&many.join("&"));
    assert_eq!(read.view.chosen.sources.len(), VALUES_MAX);
    assert!(read.errors.of("source").is_some_and(|text| text.contains("“100”")));
    let longest = "x".repeat(VALUE_BYTES_MAX);
    assert_eq!(asked(&format!("source={longest}")).view.chosen.sources, [longest.as_str()]);
    let read = asked(&format!("source={longest}x&severity=ERROR"));
    assert_eq!(read.view.address(), "severity=ERROR");
    assert!(read.errors.of("source").is_some());
}

#[test]
fn pages_keep_where_a_quick_range_begins() {
    let first = asked("range=1h").view;
    let older = first.at_place(Place::Before(Position(9)), now());
    assert_eq!(older.address(), "range=1h&before=9&at=2026-11-22T10%3A00%3A00Z");
    let later = Timestamp::parse("2026-11-22T11:00:00Z").expect("a time");
    let search = older.search(later, 50).search;
    assert_eq!(search.time_from.map(|t| t.to_string()).as_deref(), Some("2026-11-22T09:00:00Z"));
    assert_eq!(older.at_place(Place::Before(Position(5)), later).at, older.at);
    assert_eq!(older.first(), first);
    let id = ProjectId::default_project();
    assert_eq!(first.url(Urls(&id)), "/projects/default/events?range=1h");
    assert_eq!(asked("").view.url(Urls(&id)), "/projects/default/events");
}

#[test]
fn going_back_reads_the_other_way() {
    let read = |query: &str| {
        let PageSearch { search, reversed } = asked(query).view.search(now(), 50);
        (search.order == Order::Ascending, search.after.map(|p| p.0), reversed)
    };
    assert_eq!(read(""), (false, None, false));
    assert_eq!(read("before=9"), (false, Some(9), false));
    assert_eq!(read("after=9"), (true, Some(9), true));
    assert_eq!(read("order=asc"), (true, None, false));
    assert_eq!(read("order=asc&after=9"), (true, Some(9), false));
    assert_eq!(read("order=asc&before=9"), (false, Some(9), true));
    assert_eq!(read("order=asc&before=9&live=1"), (false, None, false));
}

#[test]
fn live_views_have_no_range() {
    let search = asked("live=1&range=1h").view.search(now(), 50).search;
    assert_eq!((search.time_from, search.time_to), (None, None));
}

#[test]
fn only_a_search_that_is_over_begins_anew() {
    let over = Page::default();
    let stopped = Page { next: Some(Position(3)), partial: true, ..Page::default() };
    let more = Page { next: Some(Position(3)), ..Page::default() };
    let (first, other) = (asked("").view, asked("before=9").view);
    assert!(!first.begins_anew(false, &over));
    assert!(other.begins_anew(false, &over), "nothing is there, so the first page has more");
    assert!(other.begins_anew(true, &over));
    assert!(
        !other.begins_anew(true, &more) && !other.begins_anew(true, &stopped) && !other.begins_anew(false, &stopped)
    );
}
