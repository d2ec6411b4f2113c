//! Random events and expressions whose texts meet often.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::event::testing::{any_draft, time};
use crate::event::{EventDraft, columns};
use crate::query::{Expr, Field, Op, Value};
use crate::{Severity, Timestamp};

/// Texts that often equal, contain or order with each other.
pub(super) fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab1-9]{0,2}|-?0?[0-9]{1,3}|[аБ]{1,2}|A|OR",
        1 => "10\\.0\\.0\\.[1-3]|10\\.0\\.0\\.0/(8|31)|::ffff:10\\.0\\.0\\.1|2001:[dD][bB]8::1|2001:db8::/32",
        1 => "success|data|control|Failure|INFO|warn|ERROR",
        1 => "[kKſsS\u{212a}σΣςßẞéÉ\u{131}iI]{1,3}",
        1 => "2026-11-22T10:00:0[0-2]Z|2026-11-22T13:00:01\\+03:00|[a\"\\\\' =()]{1,4}",
    ]
}

/// A random event whose texts are such words now and then.
pub(super) fn any_event() -> impl Strategy<Value = EventDraft> {
    let words = vec(prop::option::of(any_word()), 9);
    let seconds = prop::option::of(0_u32..3);
    (any_draft(), words, seconds).prop_map(|(mut draft, words, seconds)| {
        let mut words = words.into_iter();
        let mut next = || words.next().flatten();
        draft.message = next().map(|word| word.clone() + draft.message.as_deref().unwrap_or_default() + &word);
        draft.source_address = next();
        draft.subject_address = next();
        draft.status_code = next();
        draft.source_id = next();
        draft.request_id = next();
        draft.labels.extend(next());
        draft.subject_metadata = next().map(|word| ("k".to_owned(), word)).into_iter().collect();
        draft.resource_metadata = next().map(|word| ("a.b\"".to_owned(), word)).into_iter().collect();
        if let Some(seconds) = seconds {
            draft.timestamp = Some(time(&format!("2026-11-22T10:00:0{seconds}Z")));
        }
        draft
    })
}

/// Any tree, also such as no text makes.
pub(super) fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        1 => Just(Expr::All),
        8 => (any_field(), any_op(), any_value()).prop_map(|(field, op, value)| Expr::Compare(field, op, value)),
        1 => any_field().prop_map(Expr::Exists),
        2 => any_word().prop_map(Expr::Word),
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
        1 => prop_oneof![Just("k"), Just("none"), Just("")].prop_map(|key| Field::SubjectMetadata(key.to_owned())),
        1 => prop_oneof![Just("a.b\""), Just("a.b"), Just("service_id")]
            .prop_map(|key| Field::ResourceMetadata(key.to_owned())),
    ]
}

pub(super) const OPS: [Op; 7] =
    [Op::Equal, Op::NotEqual, Op::Less, Op::LessOrEqual, Op::Greater, Op::GreaterOrEqual, Op::Contains];

fn any_op() -> impl Strategy<Value = Op> {
    prop::sample::select(OPS.to_vec())
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => any_word().prop_map(Value::Text),
        1 => (0_u32..3).prop_map(|second| Value::Time(time(&format!("2026-11-22T10:00:0{second}Z")))),
        1 => (0_u8..9).prop_map(|rank| Value::Severity(Severity::from_rank(rank).unwrap())),
    ]
}

/// The one form of `expr` that the parser makes; `None` for one that it cannot make.
pub(super) fn canonical(expr: Expr) -> Option<Expr> {
    match expr {
        Expr::All => None,
        Expr::And(terms) => {
            joined(terms, |term| if let Expr::And(inner) = term { Ok(inner) } else { Err(term) }, Expr::And)
        }
        Expr::Or(terms) => {
            joined(terms, |term| if let Expr::Or(inner) = term { Ok(inner) } else { Err(term) }, Expr::Or)
        }
        Expr::Not(term) => Some(Expr::Not(Box::new(canonical(*term)?))),
        Expr::Compare(field, op, value) => {
            let order = !matches!(op, Op::Equal | Op::NotEqual | Op::Contains);
            let text = value.to_text().into_owned();
            let value = match field {
                _ if op == Op::Contains => Value::Text(text),
                Field::Column(columns::TIMESTAMP | columns::RECEIVED_AT) => Value::Time(Timestamp::parse(&text).ok()?),
                Field::Column(columns::SEVERITY) => Value::Severity(Severity::parse(&text)?),
                Field::Column(columns::LABELS) if order => return None,
                Field::Column(columns::SEQ) if order => Value::Text(text.parse::<i128>().is_ok().then_some(text)?),
                _ => Value::Text(text),
            };
            Some(Expr::Compare(field, op, value))
        }
        leaf => Some(leaf),
    }
}

fn joined(terms: Vec<Expr>, flat: fn(Expr) -> Result<Vec<Expr>, Expr>, join: fn(Vec<Expr>) -> Expr) -> Option<Expr> {
    let terms = terms.into_iter().filter_map(canonical);
    let mut terms: Vec<Expr> = terms.flat_map(|term| flat(term).unwrap_or_else(|term| vec![term])).collect();
    if terms.len() > 1 { Some(join(terms)) } else { terms.pop() }
}

/// Text of the language in all its spellings: keywords in any case, adjacency, both quotes, bare values, odd blanks.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    let names = Field::names().chain([
        "subject.metadata.k",
        "resource.metadata.user-agent",
        "resource.metadata.\"authorization.k8s.io/decision\"",
        "subject.metadata.'a\\'b'",
    ]);
    let name = prop::sample::select(names.map(str::to_owned).collect::<Vec<_>>());
    let op = prop::sample::select(OPS.to_vec());
    let blank = || prop_oneof![Just(""), Just(" "), Just("\t\n"), Just("\u{a0}")];
    let value = || {
        prop_oneof![
            "[a-zA-Zа-я0-9_./@+*-][a-z0-9_.:/@+*-]{0,5}",
            "\"[^\"\\\\]{0,4}\"",
            "'([^'\\\\]|\\\\['\"\\\\])*'",
            Just("2023-06-02T15:04:05Z03:00".to_owned()),
            Just("now-15m".to_owned()),
            Just("warn".to_owned()),
        ]
    };
    let exist = prop::sample::select(vec!["exist", "EXISTS", "Exist"]);
    let leaf = prop_oneof![
        4 => (name.clone(), blank(), op, blank(), value()).prop_map(|(n, b, o, c, v)| format!("{n}{b}{o}{c}{v}")),
        1 => (name, exist).prop_map(|(name, exist)| format!("{name} {exist}")),
        2 => value(),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let join = prop::sample::select(vec![" AND ", " or ", " ", "\nAnd\n", " OR ", "  "]);
        prop_oneof![
            (vec(inner.clone(), 1..4), join).prop_map(|(terms, join)| terms.join(join)),
            inner.clone().prop_map(|term| format!("( {term})")),
            inner.prop_map(|term| format!("Not ({term} )")),
        ]
    })
}
