//! What the right-hand side of a comparison must be, by the type of its parameter.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use super::compare::Integer;
use super::error::Mistake;
use super::expr::{Field, Op, Value};
use super::suggest::nearest;
use super::time::{InvalidTime, read_time};
use crate::event::columns;
use crate::{Severity, Timestamp};

/// The value that `text` at `bytes` is for `field op`.
pub(super) fn typed(
    field: &Field,
    op: Op,
    text: String,
    bytes: Range<usize>,
    now: Option<Timestamp>,
) -> Result<Value, Mistake> {
    match field {
        // `:` looks into the printed form, whatever the type.
        _ if op == Op::Contains => Ok(Value::Text(text)),
        Field::Column(columns::TIMESTAMP | columns::RECEIVED_AT) => time(&text, bytes, now).map(Value::Time),
        Field::Column(columns::SEVERITY) => severity(&text, bytes).map(Value::Severity),
        Field::Column(columns::SEQ) if is_order(op) && Integer::parse(&text).is_none() => {
            Err(Mistake::new("query_bad_value", bytes, "seq is a whole number").expecting(&["a whole number"]))
        }
        _ if is_address(field) && matches!(op, Op::Equal | Op::NotEqual) => network(text, bytes).map(Value::Text),
        _ => Ok(Value::Text(text)),
    }
}

/// Refuses an operator that the field's type has no meaning for.
pub(super) fn check_operator(field: &Field, op: Op, bytes: Range<usize>) -> Result<(), Mistake> {
    if *field != Field::Column(columns::LABELS) || !is_order(op) {
        return Ok(());
    }
    let detail = "labels is a list, which has no order; = and : ask whether it has an element";
    Err(Mistake::new("query_bad_operator", bytes, detail).expecting(&["=", "<>", ":", "EXIST"]))
}

/// The fixed values of a parameter that has no others, as an answer prints them.
pub(super) fn fixed(field: &Field) -> &'static [&'static str] {
    const SEVERITIES: [&str; 9] =
        ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"];
    match field {
        Field::Column(columns::SEVERITY) => &SEVERITIES,
        Field::Column(columns::OUTCOME) => &["success", "failure", "unknown"],
        Field::Column(columns::PLANE) => &["control", "data"],
        _ => &[],
    }
}

/// Values that people often mean, of a parameter that has many others.
pub(super) fn usual(field: &Field) -> &'static [&'static str] {
    if is_time(field) { &["now", "now-15m", "now-1h", "now-24h", "now-7d"] } else { &[] }
}

/// The operators that have a meaning for a parameter.
pub(super) fn operators(field: &Field) -> &'static [&'static str] {
    match field {
        Field::Column(columns::LABELS) => &["=", "<>", ":", "EXIST"],
        _ => &["=", "<>", "<", "<=", ">", ">=", ":", "EXIST"],
    }
}

/// For a comparison that can never hold, or always: what nobody means.
pub(super) fn doubt(field: &Field, op: Op, value: &Value) -> Option<String> {
    let Value::Text(text) = value else { return None };
    if !matches!(op, Op::Equal | Op::NotEqual) {
        return None;
    }
    if is_address(field) {
        return is_like_address(text).then(|| {
            format!("{text} is neither an IP address nor a network such as 10.0.0.0/8, so it is compared as text")
        });
    }
    let fixed = fixed(field);
    if fixed.is_empty() || fixed.contains(&text.as_str()) {
        return None;
    }
    Some(format!("{field} is {}, in this spelling; nothing else equals it", fixed.join(", ")))
}

fn is_address(field: &Field) -> bool {
    matches!(field, Field::Column(columns::SOURCE_ADDRESS | columns::SUBJECT_ADDRESS))
}

/// Refuses an address with a length that no network of its family has: as text it would equal nothing, and nobody would be told.
fn network(text: String, bytes: Range<usize>) -> Result<String, Mistake> {
    let parts = text.split_once('/').and_then(|(address, length)| Some((address.parse::<IpAddr>().ok()?, length)));
    let Some((address, length)) = parts else { return Ok(text) };
    let (family, max) = if address.is_ipv4() { ("IPv4", 32) } else { ("IPv6", 128) };
    if text.parse::<IpNet>().is_ok() {
        return Ok(text);
    }
    // What is longer than an address was meant as the address alone.
    let meant = length.bytes().all(|digit| digit.is_ascii_digit()).then(|| format!("{address}/{max}"));
    let detail =
        format!("this is no network: behind the slash stands the number of its bits, which is 0 to {max} for {family}");
    Err(Mistake::new("query_bad_value", bytes, detail)
        .expecting(&["an address", "a network like 10.0.0.0/8"])
        .suggesting(meant))
}

/// Written like an address or a network, and none: numbers with dots, or groups of hex digits with colons.
fn is_like_address(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok() {
        return false;
    }
    let text = text.split('/').next().unwrap_or_default();
    let dotted = text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let colons =
        text.matches(':').count() > 1 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte));
    dotted || colons
}

/// True for parameters that are times.
pub(super) fn is_time(field: &Field) -> bool {
    matches!(field, Field::Column(columns::TIMESTAMP | columns::RECEIVED_AT))
}

fn is_order(op: Op) -> bool {
    matches!(op, Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual)
}

fn time(text: &str, bytes: Range<usize>, now: Option<Timestamp>) -> Result<Timestamp, Mistake> {
    read_time(text, now).map_err(|error| {
        let code = if error == InvalidTime::NoNow { "query_relative_time" } else { "query_bad_value" };
        let whole =
            || [format!("{text}Z"), format!("{text}T00:00:00Z")].into_iter().find(|t| Timestamp::parse(t).is_ok());
        let meant = match &error {
            InvalidTime::BlankForPlus(meant) => Some(meant.clone()),
            _ => whole(),
        };
        let expected: &[&str] = match now {
            Some(_) => &["an RFC 3339 time", "now", "now-15m"],
            None => &["an RFC 3339 time"],
        };
        Mistake::new(code, bytes, error.to_string()).expecting(expected).suggesting(meant)
    })
}

fn severity(text: &str, bytes: Range<usize>) -> Result<Severity, Mistake> {
    Severity::parse(text).ok_or_else(|| {
        let names = fixed(&Field::Column(columns::SEVERITY));
        let meant = nearest(&text.to_uppercase(), names.iter().copied()).map(str::to_owned);
        Mistake::new("query_bad_value", bytes, format!("a severity is one of {}", names.join(", ")))
            .expecting(names)
            .suggesting(meant)
    })
}
