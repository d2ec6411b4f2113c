//! Characters that readers stumble over, and blanks.

use super::{cef, get, json_of, leef, pairs, sd, some, text};
use crate::connection::{Format, Options};
use crate::event::EventDraft;
use crate::event::testing::full;
use crate::wire::{read_cef, read_leef};

#[test]
fn no_label_is_a_field_of_the_header() {
    let message = text(Format::Cef, &Options::default(), full());
    let header =
        ["Version", "DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "Severity"];
    let labels: Vec<_> =
        message.split(' ').filter_map(|pair| pair.split_once("Label=")).map(|(_, text)| text).collect();
    assert!(labels.contains(&"SeverityName"));
    for label in labels {
        assert!(!header.iter().any(|field| field.eq_ignore_ascii_case(label)), "{label}");
    }
}

#[test]
fn names_of_users_keep_to_ibms_length() {
    let long = "ж".repeat(300);
    let read = leef(&Options::default(), EventDraft { subject_user_id: Some(long), ..full() });
    assert_eq!(read["accountName"].chars().count(), 255);
    assert!(read["accountName"].ends_with('…') && get(&read, "truncated") == Some("1"));
}

#[test]
fn leef_has_no_pipe_behind_its_header() {
    let draft = EventDraft {
        message: some("a|b"),
        request_id: some("r|1"),
        labels: vec!["x|y".to_owned()],
        subject_metadata: pairs(&[("name|", "N|1"), ("p|q", "|")]),
        ..full()
    };
    let message = text(Format::Leef, &Options::default(), draft.clone());
    let (_, attributes) = message.split_once("|^|devTime=").unwrap();
    assert!(!attributes.contains('|'), "{attributes}");
    let read = leef(&Options::default(), draft);
    assert_eq!(
        (get(&read, "msg"), get(&read, "requestId"), get(&read, "labels")),
        (Some("a/b"), Some("r/1"), Some("x/y"))
    );
    assert_eq!(json_of(&read["subjectMetadata"])["p|q"], "|", "JSON can say it");
}

#[test]
fn no_field_of_a_header_ends_with_a_backslash() {
    for (action, cef_id, leef_id) in [
        (r"DOMAIN\sign-in\", r"DOMAIN\sign-in/", r"DOMAIN\sign-in/"),
        (r"a\\", r"a\/", r"a\/"),
        (r"\", "/", "/"),
        (r"a\|", r"a\/", r"a\/"),
    ] {
        let draft = || EventDraft { action: action.to_owned(), ..full() };
        let message = text(Format::Cef, &Options::default(), draft());
        let read = read_cef::parse(&message).unwrap();
        assert_eq!((read.class_id.as_str(), read.name.as_str()), (cef_id, cef_id));
        assert!(!message[..message.find("|rt=").unwrap()].contains(r"\|"), "{message}");
        let message = text(Format::Leef, &Options::default(), draft());
        assert_eq!(read_leef::parse(&message).unwrap().event_id, leef_id);
        assert!(!message.contains(r"\|"), "{message}");
    }
}

#[test]
fn labels_with_a_comma_stay_apart() {
    let draft = || EventDraft { labels: vec!["a,b".to_owned(), " ".to_owned(), "c".to_owned()], ..full() };
    let options = Options::default();
    assert_eq!(get(&cef(&options, draft()), "flexString1"), Some("a;b,c"));
    assert_eq!(get(&leef(&options, draft()), "labels"), Some("a;b,c"));
    assert_eq!(get(&sd(&options, draft()), "labels"), Some("a;b,c"));
    let long = EventDraft { labels: vec!["x,y".repeat(200), "z,".repeat(300)], ..full() };
    let read = cef(&options, long);
    assert_eq!((read["flexString1"].chars().count(), read["flexString1"].matches(',').count()), (1023, 1));
}

/// A value of which nothing would be seen is left out, whatever its script calls a blank.
#[test]
fn blanks_of_every_script_are_blanks() {
    let blank = || some("\u{3000}\u{a0} \t");
    let draft = || EventDraft {
        request_id: blank(),
        message: blank(),
        subject_user_id: blank(),
        subject_metadata: pairs(&[("email", "\u{a0}"), ("name", "\u{3000}")]),
        labels: vec!["\u{3000}".to_owned(), "a".to_owned(), "\u{a0}".to_owned()],
        ..full()
    };
    let options = Options::default();
    let read = cef(&options, draft());
    let found = ["cs4", "msg", "suid", "suser"].map(|key| get(&read, key));
    assert_eq!((found, get(&read, "flexString1")), ([None; 4], Some("a")));
    let read = leef(&options, draft());
    let found = ["requestId", "msg", "accountName", "usrName"].map(|key| get(&read, key));
    assert_eq!((found, get(&read, "labels")), ([None; 4], Some("a")));
    let read = sd(&options, draft());
    let found = ["request_id", "user_id", "user"].map(|key| get(&read, key));
    assert_eq!((found, get(&read, "labels")), ([None; 3], Some("a")));
    let ends = EventDraft { message: some("done\u{3000}\u{a0}"), ..full() };
    assert_eq!(get(&cef(&options, ends.clone()), "msg"), Some("done"));
    assert_eq!(get(&leef(&options, ends), "msg"), Some("done"));
}

#[test]
fn an_action_of_blanks_is_a_dash_where_something_must_stand() {
    let draft = || EventDraft { action: "\u{a0} \u{3000}".to_owned(), ..full() };
    let options = Options::default();
    let message = text(Format::Cef, &options, draft());
    let read = read_cef::parse(&message).unwrap();
    assert_eq!((read.class_id.as_str(), read.name.as_str(), read.get("act")), ("-", "-", None));
    assert_eq!(read_leef::parse(&text(Format::Leef, &options, draft())).unwrap().event_id, "-");
    let message = text(Format::Rfc5424, &options, draft());
    assert!(message.contains(" auditwire - - [audit@32473 ") && get(&sd(&options, draft()), "action").is_none());
}

#[test]
fn json_has_one_spelling_of_every_control_character() {
    let draft = || EventDraft { resource_metadata: pairs(&[("k", "\u{8}\u{c}\u{b}\n")]), ..full() };
    let read = cef(&Options::default(), draft());
    assert_eq!(get(&read, "cs5"), Some(r#"{"k":"\b\f\u000b\n"}"#));
    let read = leef(&Options::default(), draft());
    assert_eq!(get(&read, "resourceMetadata"), Some(r#"{"k":"\b\f\u000b\n"}"#));
    assert!(text(Format::Json, &Options::default(), draft()).contains(r#"{"k":"\b\f\u000b\n"}"#));
}

/// A delimiter is no delimiter in the header.
#[test]
fn an_action_of_delimiters_is_an_event_id() {
    let draft = EventDraft { action: "^".to_owned(), ..full() };
    assert_eq!(read_leef::parse(&text(Format::Leef, &Options::default(), draft)).unwrap().event_id, "^");
}
