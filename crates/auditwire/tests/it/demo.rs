//! The demo, small.

use crate::process::{Process, auditwire, text};

#[test]
fn everything_posted_arrives_and_the_log_can_be_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    for (more, format) in [(&["--tls"][..], "cef"), (&[], "rfc5424"), (&["--tls"], "leef"), (&[], "json")] {
        let mut arguments =
            vec!["demo", "--data", data.to_str().unwrap(), "--events", "500", "--rate", "5000", "--format", format];
        arguments.extend(more);
        let output = auditwire(&arguments).output().unwrap();
        let said = text(&output);
        assert!(output.status.success(), "{said}");
        for part in ["500 of 500; 0 missing", "0 invalid", "Every event that was posted has arrived.", "Try next"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}

#[test]
fn with_json_stdout_holds_the_account_and_nothing_else() {
    let output = auditwire(&["demo", "--json", "--events", "20", "--seed", "7"]).output().unwrap();
    let account: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&account["accepted"], &account["delivered"], &account["seed"]), (&20.into(), &20.into(), &7.into()));
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn with_stay_it_serves_the_console_until_it_is_interrupted() {
    let mut demo = Process::start(auditwire(&["demo", "--stay", "--events", "20"]));
    let url = demo.after("  \u{2713} service    ");
    let url = url.split(' ').next().unwrap();
    assert!(demo.line().contains(&format!("{url}sign-in/link?key=")));
    let again = demo.after(&format!("  {url}sign-in/link?key="));
    assert!(again.contains("as long as this runs"), "{again}");
    demo.signal("INT");
    assert_eq!(demo.exit_code(), Some(0));
}
