//! Events that would break a careless writer. Strategies are boxed: unboxed ones overflow the stack of a test's thread.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::event::testing::any_draft;
use crate::event::{EventDraft, Metadata, Outcome};

/// Texts that pretend to be the end of a value, a field, a header or a message.
const FORGERIES: [&str; 23] = [
    "\"] [x@1 a=\"b",
    "\"][audit@32473 event_id=\"forged\"]",
    "\\\"] x",
    "\\",
    "a\\",
    "x cs1=forged cs1Label=ProjectId",
    "x msg=forged",
    "x\\ suser=root",
    "x\\= y=z",
    "|10|suser=root",
    "\\|9|",
    "a|b|c|d|e|f|g|h=i",
    "a\n<13>1 - - - - - - forged",
    "a\r\n<13>Nov 22 10:00:00 h CEF:0|a|b|c|d|e|1|",
    "CEF:0|a|b|c|d|e|1|",
    "x^usrName=root",
    "^^",
    "a^",
    "LEEF:2.0|a|b|c|d|^|src=1.2.3.4",
    "\"},\"n\":0,\"seq\":1}{\"a\":\"",
    "17 <13>1 - - - - - -",
    "\u{FEFF}x",
    "-",
];

/// A short text of the usual kind, marks that mean something to a format, controls, forgeries, other scripts.
fn nasty() -> BoxedStrategy<String> {
    let marks = "[\\[\\]\"'\\\\|=, %^\u{0}-\u{1f}\u{7f}-\u{9f}\u{2028}\u{2029}\u{feff}\u{202e}aжЖ日😀…]{0,24}";
    prop_oneof![
        4 => "[a-z0-9.-]{1,12}",
        3 => select(&FORGERIES[..]).prop_map(str::to_owned),
        3 => marks,
        1 => any::<String>(),
        1 => " {0,3}[a-z]{0,3} {0,3}",
        1 => "[ \u{0}\n\r\t\u{85}\u{2028}]{0,4}",
    ]
    .boxed()
}

/// As [`nasty`], now and then up to some 6,000 bytes long.
fn text() -> BoxedStrategy<String> {
    prop_oneof![9 => nasty(), 1 => (nasty(), 1..300usize).prop_map(|(piece, times)| piece.repeat(times))].boxed()
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|a| std::net::Ipv4Addr::from(a).to_string()),
        any::<[u8; 16]>().prop_map(|a| std::net::Ipv6Addr::from(a).to_string()),
        "::ffff:[1-9]{1,2}\\.1\\.2\\.3",
        text(),
    ]
}

fn code() -> impl Strategy<Value = String> {
    prop_oneof!["[1-5][0-9]{2}", "-?[0-9]{1,20}", "[A-Z_]{1,12}", nasty()]
}

fn metadata() -> BoxedStrategy<Metadata> {
    let key = prop_oneof![4 => nasty(), 1 => select(&["email", "name", "service_id", "http_method"][..]).prop_map(str::to_owned)];
    btree_map(key, text(), 0..6).prop_map(|map| map.into_iter().collect()).boxed()
}

/// Every field, present or not, with such texts.
pub(super) fn hostile() -> impl Strategy<Value = EventDraft> {
    let id = prop_oneof![
        "[a-z0-9-]{1,40}",
        "[a-zж/:]{41,128}",
        nasty().prop_filter("ids are not empty", |id| !id.is_empty())
    ];
    let action = prop_oneof![2 => "[a-z-]{1,40}", 1 => text().prop_filter("an action is not empty", |a| !a.is_empty())];
    let who = (
        option::of(text()),
        option::of(address()),
        option::of(text()),
        option::of(address()),
        option::of(text()),
        metadata(),
    );
    let what = (option::of(text()), option::of(text()), metadata(), option::of(code()), option::of(text()));
    let rest = (option::of(text()), option::of(text()), vec(nasty(), 0..5), any::<bool>());
    (any_draft().boxed(), id.boxed(), action.boxed(), who.boxed(), what.boxed(), rest.boxed()).prop_map(
        |(draft, id, action, who, what, rest)| EventDraft {
            event_id: Some(id),
            action,
            source_id: who.0,
            source_address: who.1,
            subject_user_id: who.2,
            subject_address: who.3,
            subject_project_id: who.4,
            subject_metadata: who.5,
            resource_id: what.0,
            resource_type: what.1,
            resource_metadata: what.2,
            status_code: what.3,
            status_message: what.4,
            message: rest.0,
            request_id: rest.1,
            labels: rest.2,
            outcome: if rest.3 { None } else { Some(Outcome::Failure) },
            ..draft
        },
    )
}
