//! Queries: what is understood prints as text that is understood as the same, and decides alike; every complaint and every
//! completion names a place inside of the text.

use auditwire_model::Timestamp;
use auditwire_model::query::{QUERY_BYTES_MAX, complete, evaluate, parse};

use crate::samples;

pub(crate) fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let chars = text.chars().count();
    let now = Timestamp::parse("2026-11-22T10:00:00Z").expect("a time");
    for cursor in [0, chars / 2, chars, chars + 1] {
        let completion = complete(text, cursor);
        assert!(completion.position + completion.length <= chars, "a completion outside: {completion:?}");
    }
    match parse(text, Some(now)) {
        Ok(parsed) => {
            for hint in &parsed.hints {
                assert!(hint.position + hint.length <= chars, "a hint outside: {hint:?}");
            }
            let printed = parsed.expr.to_string();
            // Quotes and parentheses may make it longer than a query may be.
            if printed.len() > QUERY_BYTES_MAX {
                return;
            }
            let again = parse(&printed, None).map(|again| again.expr);
            assert_eq!(again.as_ref(), Ok(&parsed.expr), "prints as {printed}");
            let events = samples::events();
            assert_eq!(evaluate(&again.expect("it was read"), events), evaluate(&parsed.expr, events), "{printed}");
        }
        Err(wrong) => assert!(wrong.position + wrong.length <= chars, "a place outside: {wrong:?}"),
    }
}
