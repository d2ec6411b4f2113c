//! Product section 2 said once more, row by row, in the simplest way: it shares the syntax tree with the evaluator and
//! nothing else.

use std::net::IpAddr;

use crate::event::{EventView, columns};
use crate::query::{Expr, Field, Op, Value};
use crate::{Severity, Timestamp};

pub(super) fn holds(expr: &Expr, event: &EventView<'_>) -> bool {
    match expr {
        Expr::All => true,
        Expr::And(terms) => terms.iter().all(|term| holds(term, event)),
        Expr::Or(terms) => terms.iter().any(|term| holds(term, event)),
        Expr::Not(term) => !holds(term, event),
        Expr::Exists(Field::Column(columns::LABELS)) => !event.labels.is_empty(),
        Expr::Exists(field) => spelled(field, event).is_some(),
        Expr::Compare(field, Op::NotEqual, value) => !compare(field, Op::Equal, value, event),
        Expr::Compare(field, op, value) => compare(field, *op, value, event),
        Expr::Word(word) => texts(event).into_iter().any(|text| contains(text, word)),
    }
}

/// Everything that a value alone is looked for in.
fn texts<'e>(event: &EventView<'e>) -> Vec<&'e str> {
    let mut texts = vec![event.event_id, event.action];
    texts.extend(
        [
            event.request_id,
            event.message,
            event.source_id,
            event.source_address,
            event.subject_user_id,
            event.subject_address,
            event.subject_project_id,
            event.resource_id,
            event.resource_type,
            event.status_code,
            event.status_message,
        ]
        .into_iter()
        .flatten(),
    );
    texts.extend(event.labels.iter());
    texts.extend(event.subject_metadata.iter().chain(event.resource_metadata.iter()).map(|(_, value)| value));
    texts
}

/// Character by character, at every place.
pub(super) fn contains(text: &str, part: &str) -> bool {
    let (text, part): (Vec<char>, Vec<char>) = (text.chars().collect(), part.chars().collect());
    (0..=text.len()).any(|from| {
        part.len() <= text.len() - from && part.iter().zip(&text[from..]).all(|(one, other)| same(*one, *other))
    })
}

/// The same letter in another case, where both cases are one character each. The dotless i has no other case: its
/// capital is the dotted one's.
fn same(one: char, other: char) -> bool {
    let single = |mut mapped: Box<dyn Iterator<Item = char>>, c: char| match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => c,
    };
    let small = |c: char| single(Box::new(c.to_lowercase()), c);
    let capital = |c: char| single(Box::new(c.to_uppercase()), c);
    let dotless = one == '\u{131}' || other == '\u{131}';
    one == other || !dotless && (small(one) == small(other) || capital(one) == capital(other))
}

fn compare(field: &Field, op: Op, value: &Value, event: &EventView<'_>) -> bool {
    let word = match value {
        Value::Text(text) => text.clone(),
        Value::Time(time) => time.to_string(),
        Value::Severity(severity) => severity.to_string(),
    };
    if *field == Field::Column(columns::LABELS) {
        return matches!(op, Op::Equal | Op::Contains) && event.labels.iter().any(|label| label == word);
    }
    let Some(text) = spelled(field, event) else { return false };
    if op == Op::Contains {
        return contains(&text, &word);
    }
    let textual = text.as_str().cmp(&word);
    let number = |text: &str| text.parse::<i128>().ok();
    let order = match *field {
        Field::Column(columns::TIMESTAMP | columns::RECEIVED_AT) => match Timestamp::parse(&word) {
            Ok(wanted) => Timestamp::parse(&text).unwrap().cmp(&wanted),
            Err(_) => return false,
        },
        Field::Column(columns::SEVERITY) => match Severity::parse(&word) {
            Some(wanted) => event.severity.cmp(&wanted),
            None => return false,
        },
        Field::Column(columns::SEQ) if op != Op::Equal => match number(&word) {
            Some(wanted) => number(&text).unwrap().cmp(&wanted),
            None => return false,
        },
        Field::Column(columns::SOURCE_ADDRESS | columns::SUBJECT_ADDRESS) if op == Op::Equal => {
            return address(&text, &word);
        }
        Field::Column(columns::STATUS_CODE) | Field::SubjectMetadata(_) | Field::ResourceMetadata(_)
            if op != Op::Equal =>
        {
            match (number(&text), number(&word)) {
                (Some(text), Some(word)) => text.cmp(&word),
                _ => textual,
            }
        }
        _ => textual,
    };
    match op {
        Op::Equal => order.is_eq(),
        Op::Less => order.is_lt(),
        Op::LessOrEqual => order.is_le(),
        Op::Greater => order.is_gt(),
        Op::GreaterOrEqual => order.is_ge(),
        Op::NotEqual | Op::Contains => unreachable!(),
    }
}

fn address(text: &str, word: &str) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    match (address(text), address(word), word.parse::<ipnet::IpNet>()) {
        (Some(text), Some(word), _) => text == word,
        (Some(text), None, Ok(network)) => network.contains(&text),
        (None, None, Err(_)) => text == word,
        _ => false,
    }
}

/// A field as text; `None` when the event does not have it.
fn spelled(field: &Field, event: &EventView<'_>) -> Option<String> {
    let text = match field {
        Field::SubjectMetadata(key) => event.subject_metadata.get(key),
        Field::ResourceMetadata(key) => event.resource_metadata.get(key),
        Field::Column(column) => match *column {
            columns::SEQ => return event.seq.map(|seq| seq.to_string()),
            columns::TIMESTAMP => return Some(event.timestamp.to_string()),
            columns::RECEIVED_AT => return Some(event.received_at.to_string()),
            columns::EVENT_ID => Some(event.event_id),
            columns::PLANE => Some(event.plane.as_str()),
            columns::ACTION => Some(event.action),
            columns::REQUEST_ID => event.request_id,
            columns::SEVERITY => Some(event.severity.as_str()),
            columns::MESSAGE => event.message,
            columns::SOURCE_ID => event.source_id,
            columns::SOURCE_ADDRESS => event.source_address,
            columns::SUBJECT_USER_ID => event.subject_user_id,
            columns::SUBJECT_ADDRESS => event.subject_address,
            columns::SUBJECT_PROJECT_ID => event.subject_project_id,
            columns::RESOURCE_ID => event.resource_id,
            columns::RESOURCE_TYPE => event.resource_type,
            columns::STATUS_CODE => event.status_code,
            columns::STATUS_MESSAGE => event.status_message,
            columns::OUTCOME => Some(event.outcome.as_str()),
            _ => None,
        },
    };
    text.map(str::to_owned)
}
