//! `auditwire retention` against the service: what is shown, what waits, what is refused.

use serde_json::json;

use crate::process::{Service, text};

#[test]
fn a_reduction_is_asked_for_shown_and_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let run = |arguments: &[&str]| {
        let output = service.command(&[&["retention"][..], arguments].concat()).output().unwrap();
        (output.status.code(), text(&output))
    };
    let (code, shown) = run(&["show"]);
    assert!(code == Some(0) && shown.contains("365 days") && shown.contains("floor  7 days"), "{shown}");
    let waits = service.json(&["retention", "set", "--days", "30"]);
    assert_eq!((&waits["days"], &waits["pending"]["days"]), (&json!(365), &json!(30)));
    let (_, shown) = run(&["show"]);
    assert!(shown.contains("on: 30 days") && shown.contains("auditwire retention cancel"), "{shown}");
    // What is not named goes on waiting.
    let both = service.json(&["retention", "set", "--bytes", "50GiB"]);
    assert_eq!(both["pending"]["days"], 30);
    assert_eq!(both["pending"]["bytes"], 50_u64 << 30);
    assert_eq!(run(&["cancel"]).0, Some(0));
    let (code, told) = run(&["cancel"]);
    assert!(code == Some(1) && told.contains("no_reduction_pending"), "{told}");
    let (code, told) = run(&["set", "--days", "3"]);
    assert!(code == Some(1) && told.contains("at least 7 days"), "{told}");
    let raised = service.json(&["retention", "set", "--days", "unlimited"]);
    assert_eq!((&raised["days"], &raised["pending"]), (&json!(null), &json!(null)));
}
