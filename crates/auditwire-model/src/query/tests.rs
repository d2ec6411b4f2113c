//! The evaluator against a second one that goes row by row, and printed text read back.

use arrow_array::Array;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::event::testing::{any_draft, batch, full, minimal, time};
use crate::event::{EventDraft, EventView, columns, rows};
use crate::{Severity, Timestamp};

fn selected(expr: &Expr, drafts: &[EventDraft]) -> Vec<bool> {
    let batch = batch(drafts.iter().cloned());
    evaluate(expr, &batch).iter().map(Option::unwrap).collect()
}

fn holds(expr: &str, draft: &EventDraft) -> bool {
    selected(&read(expr), std::slice::from_ref(draft))[0]
}

#[test]
fn means_what_the_language_says() {
    let event = full();
    for expr in [
        "",
        "action = \"user-signin\"",
        "message : \"ВХОД ОТКЛОН\"",
        "message : пароль",
        "severity >= warn",
        "severity = WARNING",
        "severity : arn",
        "timestamp = \"2026-11-22T13:00:00.123456+03:00\"",
        "timestamp < \"2026-11-22T10:00:01Z\"",
        "received_at > \"2026-11-22T10:00:00Z\"",
        "timestamp : \"2026-11\"",
        "seq = 1 AND seq >= 1 AND seq < 18446744073709551616 AND seq > \"-5\"",
        "seq <> 01",
        "source.address = \"10.0.0.0/8\"",
        "subject.address = \"2001:DB8:0::5\"",
        "plane = data AND outcome = failure AND outcome <> success",
        "status.code >= 400 AND status.code < 1000",
        "subject.metadata.geo.lat : \"56.86\"",
        "subject.metadata.email EXIST",
        "resource.metadata.empty = \"\" AND resource.metadata.empty EXIST",
        "service_id = IAM",
        "labels = pci AND labels : mfa AND labels <> none AND labels EXIST",
        "NOT labels : PCI",
        "resource.metadata.none <> x AND NOT resource.metadata.none = x AND NOT resource.metadata.none EXIST",
        "action = x OR plane = data AND NOT (outcome = success OR outcome = unknown)",
    ] {
        assert!(holds(expr, &event), "{expr}");
    }
    for expr in [
        "action = \"user-SIGNIN\"",
        "severity > ERROR",
        "severity = loud",
        "severity > loud",
        "timestamp = yesterday",
        "timestamp > yesterday",
        "seq = 01",
        "seq > x",
        "status.code = 0401",
        "labels > a",
        "labels <> pci",
        "request_id : nothing",
        "subject.metadata = x",
    ] {
        assert!(!holds(expr, &event), "{expr}");
    }
    assert!(holds("message <> x AND NOT message : x AND NOT message < x AND NOT labels EXIST", &minimal()));
    assert!(holds("severity = DEFAULT AND outcome = unknown AND plane EXIST AND timestamp EXIST", &minimal()));
}

#[test]
fn prints_as_people_write() {
    let text = |expr: &Expr| expr.to_string();
    let is = |column, value: &str| Expr::Compare(Field::Column(column), Op::Equal, Value::Text(value.to_owned()));
    assert_eq!(text(&Expr::All), "");
    assert_eq!(text(&is(columns::SOURCE_ID, "iam")), "source.id = iam");
    assert_eq!(text(&is(columns::STATUS_CODE, "404")), "status.code = 404");
    for (value, printed) in [
        ("user-signin", "\"user-signin\""),
        ("", "\"\""),
        ("Or", "\"Or\""),
        ("вход", "\"вход\""),
        ("4xx", "\"4xx\""),
        ("a\"b\\c'", "\"a\\\"b\\\\c'\""),
    ] {
        assert_eq!(text(&is(columns::ACTION, value)), format!("action = {printed}"));
    }
    let key = Field::ResourceMetadata("authorization.k8s.io/decision".to_owned());
    assert_eq!(text(&Expr::Exists(key)), "resource.metadata.\"authorization.k8s.io/decision\" EXIST");
    let either = Expr::Or(vec![is(columns::PLANE, "data"), is(columns::OUTCOME, "failure")]);
    let both = Expr::And(vec![either.clone(), Expr::Not(Box::new(either)), Expr::Not(Box::new(is(columns::SEQ, "1")))]);
    assert_eq!(
        text(&both),
        "(plane = data OR outcome = failure) AND NOT (plane = data OR outcome = failure) AND NOT seq = 1"
    );
    let since =
        Expr::Compare(Field::Column(columns::TIMESTAMP), Op::GreaterOrEqual, Value::Time(time("2026-11-22T10:00:00Z")));
    assert_eq!(text(&since), "timestamp >= \"2026-11-22T10:00:00Z\"");
}

proptest! {
    #[test]
    fn agrees_with_going_row_by_row(drafts in vec(any_event(), 0..20), expr in any_expr()) {
        let batch = batch(drafts);
        let expected: Vec<bool> = rows(&batch).map(|event| naive(&expr, &event)).collect();
        let answer = evaluate(&expr, &batch);
        prop_assert_eq!(answer.null_count(), 0);
        prop_assert_eq!(answer.iter().map(Option::unwrap).collect::<Vec<_>>(), expected, "{}", expr);
    }

    #[test]
    fn printed_text_means_the_same(drafts in vec(any_event(), 1..10), expr in any_expr()) {
        let printed = expr.to_string();
        let back = read(&printed);
        prop_assert_eq!(selected(&back, &drafts), selected(&expr, &drafts), "{}", printed);
        prop_assert_eq!(back.to_string(), printed);
    }
}

/// Texts that often equal, contain or order with each other.
fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab1-9]{0,2}|-?0?[0-9]{1,3}|[аБ]{1,2}|A|OR",
        1 => "10\\.0\\.0\\.[1-3]|10\\.0\\.0\\.0/(8|31)|::ffff:10\\.0\\.0\\.1|2001:[dD][bB]8::1|2001:db8::/32",
        1 => "success|data|control|Failure|INFO|warn|ERROR",
        1 => "2026-11-22T10:00:0[0-2]Z|2026-11-22T13:00:01\\+03:00|[a\"\\\\' =()]{1,4}",
    ]
}

/// A random event whose texts are such words now and then.
fn any_event() -> impl Strategy<Value = EventDraft> {
    let words = vec(prop::option::of(any_word()), 8);
    let seconds = prop::option::of(0_u32..3);
    (any_draft(), words, seconds).prop_map(|(mut draft, words, seconds)| {
        let mut words = words.into_iter();
        let mut next = || words.next().flatten();
        draft.message = next();
        draft.source_address = next();
        draft.subject_address = next();
        draft.status_code = next();
        draft.source_id = next();
        draft.labels.extend(next());
        draft.subject_metadata = next().map(|word| ("k".to_owned(), word)).into_iter().collect();
        draft.resource_metadata = next().map(|word| ("a.b\"".to_owned(), word)).into_iter().collect();
        if let Some(seconds) = seconds {
            draft.timestamp = Some(time(&format!("2026-11-22T10:00:0{seconds}Z")));
        }
        draft
    })
}

fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        1 => Just(Expr::All),
        8 => (any_field(), any_op(), any_value()).prop_map(|(field, op, value)| Expr::Compare(field, op, value)),
        1 => any_field().prop_map(Expr::Exists),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Expr::And),
            vec(inner.clone(), 0..4).prop_map(Expr::Or),
            inner.prop_map(|term| Expr::Not(Box::new(term))),
        ]
    })
}

fn any_field() -> impl Strategy<Value = Field> {
    let parameters: Vec<usize> = (0..=columns::LABELS).filter(|c| Field::column_name(*c).is_some()).collect();
    prop_oneof![
        6 => prop::sample::select(parameters).prop_map(Field::Column),
        1 => prop_oneof![Just("k"), Just("none")].prop_map(|key| Field::SubjectMetadata(key.to_owned())),
        1 => prop_oneof![Just("a.b\""), Just("a.b")].prop_map(|key| Field::ResourceMetadata(key.to_owned())),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    prop::sample::select(vec![
        Op::Equal,
        Op::NotEqual,
        Op::Less,
        Op::LessOrEqual,
        Op::Greater,
        Op::GreaterOrEqual,
        Op::Contains,
    ])
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => any_word().prop_map(Value::Text),
        1 => (0_u32..3).prop_map(|second| Value::Time(time(&format!("2026-11-22T10:00:0{second}Z")))),
        1 => (0_u8..9).prop_map(|rank| Value::Severity(Severity::from_rank(rank).unwrap())),
    ]
}

/// Product section 2, said once more in the simplest way.
fn naive(expr: &Expr, event: &EventView<'_>) -> bool {
    match expr {
        Expr::All => true,
        Expr::And(terms) => terms.iter().all(|term| naive(term, event)),
        Expr::Or(terms) => terms.iter().any(|term| naive(term, event)),
        Expr::Not(term) => !naive(term, event),
        Expr::Exists(Field::Column(columns::LABELS)) => !event.labels.is_empty(),
        Expr::Exists(field) => spelled(field, event).is_some(),
        Expr::Compare(field, Op::NotEqual, value) => !naive_compare(field, Op::Equal, value, event),
        Expr::Compare(field, op, value) => naive_compare(field, *op, value, event),
    }
}

fn naive_compare(field: &Field, op: Op, value: &Value, event: &EventView<'_>) -> bool {
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
        return text.to_lowercase().contains(&word.to_lowercase());
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
            return naive_address(&text, &word);
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

fn naive_address(text: &str, word: &str) -> bool {
    let address = |text: &str| text.parse::<std::net::IpAddr>().ok().map(|address| address.to_canonical());
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

/// Reads the language as far as it is printed: enough to see that printed text means what was printed.
fn read(text: &str) -> Expr {
    if text.is_empty() {
        return Expr::All;
    }
    let mut words = words(text);
    words.reverse();
    let expr = read_or(&mut words);
    assert!(words.is_empty(), "left over in {text}: {words:?}");
    expr
}

#[derive(Debug, PartialEq)]
enum Word {
    Bare(String),
    Quoted(String),
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            ' ' => {}
            '(' | ')' => words.push(Word::Bare(first.to_string())),
            '"' => words.push(Word::Quoted(read_quoted(&mut rest))),
            _ => {
                let mut word = first.to_string();
                while let Some(next) = rest.next_if(|next| !" ()".contains(*next)) {
                    if next == '"' { word.push_str(&read_quoted(&mut rest)) } else { word.push(next) }
                }
                words.push(Word::Bare(word));
            }
        }
    }
    words
}

fn read_quoted(rest: &mut impl Iterator<Item = char>) -> String {
    let mut text = String::new();
    loop {
        match rest.next().unwrap() {
            '"' => return text,
            '\\' => text.push(rest.next().unwrap()),
            other => text.push(other),
        }
    }
}

fn next_is(words: &mut Vec<Word>, bare: &str) -> bool {
    let is = words.last() == Some(&Word::Bare(bare.to_owned()));
    if is {
        words.pop();
    }
    is
}

fn read_or(words: &mut Vec<Word>) -> Expr {
    let mut terms = vec![read_and(words)];
    while next_is(words, "OR") {
        terms.push(read_and(words));
    }
    if terms.len() == 1 { terms.remove(0) } else { Expr::Or(terms) }
}

fn read_and(words: &mut Vec<Word>) -> Expr {
    let mut terms = vec![read_term(words)];
    while next_is(words, "AND") {
        terms.push(read_term(words));
    }
    if terms.len() == 1 { terms.remove(0) } else { Expr::And(terms) }
}

fn read_term(words: &mut Vec<Word>) -> Expr {
    if next_is(words, "NOT") {
        return Expr::Not(Box::new(read_term(words)));
    }
    if next_is(words, "(") {
        let expr = read_or(words);
        assert!(next_is(words, ")"));
        return expr;
    }
    let Some(Word::Bare(name)) = words.pop() else { panic!("no name") };
    let field = Field::parse(&name).unwrap_or(Field::Column(columns::DIGEST));
    let Some(Word::Bare(op)) = words.pop() else { panic!("no operator after {name}") };
    let op = match op.as_str() {
        "EXIST" => return Expr::Exists(field),
        "=" => Op::Equal,
        "<>" => Op::NotEqual,
        "<" => Op::Less,
        "<=" => Op::LessOrEqual,
        ">" => Op::Greater,
        ">=" => Op::GreaterOrEqual,
        ":" => Op::Contains,
        other => panic!("no operator: {other}"),
    };
    let (Some(Word::Bare(value)) | Some(Word::Quoted(value))) = words.pop() else { panic!("no value") };
    Expr::Compare(field, op, Value::Text(value))
}
