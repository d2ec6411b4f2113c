//! Two values of one field side by side: they are joined by AND, which is rarely meant. Makes the text with OR.

use auditwire_model::Timestamp;
use auditwire_model::query::{Expr, Hint, parse};

use crate::console::explain::bytes;

/// The text in which the first group of such terms is joined by OR; `None` when it cannot be made.
pub(super) fn with_or(text: &str, hints: &[Hint], now: Timestamp) -> Option<String> {
    let mut seconds = hints.iter().map(|hint| (bytes(text, hint.position), bytes(text, hint.position + hint.length)));
    let (second, mut end) = seconds.next()?;
    let begin = term_before(text, second, now)?;
    let mut terms = vec![text.get(begin..second)?.trim(), text.get(second..end)?.trim()];
    let mut last = second;
    for (from, to) in seconds {
        // A third value next to the second one belongs to the same group.
        if term_before(text, from, now) != Some(last) {
            break;
        }
        terms.push(text.get(from..to)?.trim());
        (last, end) = (from, to);
    }
    let joined = terms.join(" OR ");
    let (before, after) = (text.get(..begin)?, text.get(end..)?);
    let alone = before.trim().is_empty() && after.trim().is_empty();
    Some(if alone { joined } else { format!("{before}({joined}){after}") })
}

/// Where the comparison begins that ends before `end`.
fn term_before(text: &str, end: usize, now: Timestamp) -> Option<usize> {
    let before = text.get(..end)?.trim_end();
    let begins = before.char_indices().rev().map(|(at, _)| at).filter(|at| {
        let previous = before.get(..*at).and_then(|rest| rest.chars().next_back());
        previous.is_none_or(|c| c.is_whitespace() || c == '(')
    });
    // A field, an operator and a value have few words; a quoted value may have more.
    let comparison = |at: &usize| {
        let term = before.get(*at..).unwrap_or_default();
        matches!(parse(term, Some(now)).map(|parsed| parsed.expr), Ok(Expr::Compare(..)))
    };
    begins.take(64).find(comparison)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> Option<String> {
        let parsed = parse(text, Some(Timestamp::EPOCH)).expect("is right");
        with_or(text, &parsed.hints, Timestamp::EPOCH)
    }

    #[test]
    fn values_side_by_side_become_alternatives() {
        for (text, expected) in [
            ("action = a action = b", "action = a OR action = b"),
            ("outcome = failure action=a action=\"b c\"", "outcome = failure (action=a OR action=\"b c\")"),
            ("(action = a action = b) disk", "((action = a OR action = b)) disk"),
            ("action = a action = b action = c", "action = a OR action = b OR action = c"),
        ] {
            assert_eq!(repaired(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(repaired("action = a severity = ERROR"), None);
    }
}
