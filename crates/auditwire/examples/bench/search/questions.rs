//! The questions: as a client asks them, and the same in SQL over the segment files.

use super::events::Needles;

/// One question.
pub(super) struct Question {
    pub(super) name: &'static str,
    /// What the project aims at over ten million events, in milliseconds.
    pub(super) aim_ms: f64,
    /// Path below `/api/v1/projects/default/events`.
    pub(super) path: String,
    /// The key in the answer whose occurrences (or, for `count`, number) are compared with the rows of SQL.
    pub(super) answer: Answer,
    /// The same question over the view `log`.
    pub(super) sql: String,
}

/// How the two answers are compared.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Answer {
    /// So many events as rows.
    Events,
    /// The number is the one cell.
    Number,
    /// The sum of all counts is the sum of the column `n`.
    Counts,
}

/// Every text column in SQL.
const TEXTS: [&str; 14] = [
    "message",
    "event_id",
    "action",
    "request_id",
    "source_id",
    "source_address",
    "subject_user_id",
    "subject_address",
    "subject_project_id",
    "resource_id",
    "resource_type",
    "status_code",
    "status_message",
    "array_to_string(labels, ' ')",
];

pub(super) fn all(needles: &Needles, to: u64) -> Vec<Question> {
    let newest = |q: &str| format!("?limit=50&q={}", encoded(q));
    let rows = |condition: &str| format!("SELECT * FROM log WHERE {condition} ORDER BY seq DESC LIMIT 50");
    let events = |name, aim_ms, q: String, condition: String| Question {
        name,
        aim_ms,
        path: newest(&q),
        answer: Answer::Events,
        sql: rows(&condition),
    };
    let Needles { request, user, in_message, anywhere } = needles;
    let metadata = ["subject_metadata", "resource_metadata"].map(|m| format!("array_to_string(map_values({m}), ' ')"));
    let everywhere: Vec<String> = TEXTS
        .iter()
        .map(|column| (*column).to_owned())
        .chain(metadata)
        .map(|column| format!("{column} ILIKE '%{anywhere}%'"))
        .collect();
    let from = to - 24 * 3600;
    vec![
        events(
            "newest 50 by a rare request_id",
            100.0,
            format!("request_id = \"{request}\""),
            format!("request_id = '{request}'"),
        ),
        events(
            "newest 50 by a rare user",
            100.0,
            format!("subject.user_id = \"{user}\""),
            format!("subject_user_id = '{user}'"),
        ),
        events("newest 50 of a common severity", 50.0, "severity = NOTICE".to_owned(), "severity = 3".to_owned()),
        events(
            "rare substring in message",
            500.0,
            format!("message : {in_message}"),
            format!("message ILIKE '%{in_message}%'"),
        ),
        events("bare word over all fields", 2_500.0, (*anywhere).to_owned(), everywhere.join(" OR ")),
        Question {
            name: "count of a selective filter",
            aim_ms: 300.0,
            path: format!("/count?q={}", encoded("severity >= ERROR AND source.id = dns AND outcome = failure")),
            answer: Answer::Number,
            sql: "SELECT count(*) FROM log WHERE severity >= 5 AND source_id = 'dns' AND outcome = 2".to_owned(),
        },
        Question {
            name: "histogram of the last 24 h",
            aim_ms: 100.0,
            path: format!("/histogram?from={}&to={}&buckets=60", time(from), time(to)),
            answer: Answer::Counts,
            sql: format!(
                "SELECT time_bucket(INTERVAL 24 MINUTE, timestamp::TIMESTAMPTZ) AS b, severity, count(*) AS n FROM log \
                 WHERE timestamp >= TIMESTAMPTZ_NS '{}' AND timestamp < TIMESTAMPTZ_NS '{}' GROUP BY b, severity",
                time(from),
                time(to)
            ),
        },
        Question {
            name: "facets of source.id",
            aim_ms: 300.0,
            path: "/facets?field=source.id&limit=100".to_owned(),
            answer: Answer::Counts,
            sql: "SELECT source_id, count(*) AS n FROM log GROUP BY source_id".to_owned(),
        },
    ]
}

/// A UTC time for a query string.
fn time(seconds: u64) -> String {
    format!("{}Z", super::events::date(seconds))
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}
