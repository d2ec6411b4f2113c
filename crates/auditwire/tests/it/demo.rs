//! The demo, small.

use crate::process::{auditwire, text};

#[test]
fn everything_posted_arrives_and_the_log_can_be_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    for (more, format) in [(&["--tls"][..], "cef"), (&[], "rfc5424")] {
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
