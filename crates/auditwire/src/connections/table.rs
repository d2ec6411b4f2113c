//! Lists of connections as tables within 120 columns: what one needs to see at once.

use std::time::Duration;

use auditwire_model::Timestamp;
use serde_json::Value;

use super::show::{text, tone};
use crate::terminal::{Column, Screen, Table, Tone, grouped};

type Cell = (String, Option<Tone>);

/// The connections of a project.
pub(super) fn of_project(connections: &[Value], now: Timestamp, screen: Screen) -> Vec<String> {
    let mut table = Table::new(vec![
        column("status", 8),
        column("for", 6),
        column("cause", 17),
        column("name", 17),
        column("endpoint", 21),
        column("via", 8),
        number("backlog", 9),
        number("oldest", 6),
        number("acknowledged", 12),
    ]);
    for connection in connections {
        let [status, lasting, cause] = state(connection, now);
        let [backlog, oldest] = waiting(connection);
        let seq = match &connection["delivery"]["acknowledged"] {
            Value::Number(seq) if seq.as_u64() != Some(0) => seq.to_string(),
            _ => String::new(),
        };
        let [name, endpoint, via] = ["name", "endpoint", "transport"].map(|key| plain(text(connection, key)));
        table.row(vec![status, lasting, cause, name, endpoint, via, backlog, oldest, plain(&seq)]);
    }
    table.lines(screen)
}

/// The connections of all projects.
pub(super) fn of_all(connections: &[Value], now: Timestamp, screen: Screen) -> Vec<String> {
    let mut table = Table::new(vec![
        column("status", 8),
        column("for", 6),
        column("cause", 17),
        column("project", 15),
        column("name", 15),
        column("endpoint", 20),
        column("via", 8),
        number("backlog", 9),
        number("oldest", 6),
    ]);
    for connection in connections {
        let [status, lasting, cause] = state(connection, now);
        let [backlog, oldest] = waiting(connection);
        let project = plain(text(&connection["project"], "id"));
        let [name, endpoint, via] = ["name", "endpoint", "transport"].map(|key| plain(text(connection, key)));
        table.row(vec![status, lasting, cause, project, name, endpoint, via, backlog, oldest]);
    }
    table.lines(screen)
}

fn column(title: &'static str, max: usize) -> Column {
    Column { title, max, right: false }
}

fn number(title: &'static str, max: usize) -> Column {
    Column { title, max, right: true }
}

fn plain(text: &str) -> Cell {
    (text.to_owned(), None)
}

/// Status, for how long it lasts, and why.
fn state(connection: &Value, now: Timestamp) -> [Cell; 3] {
    let status = text(connection, "status");
    let since = Timestamp::parse(text(connection, "since")).ok().filter(|_| status != "inactive");
    let lasting = since.map(|since| age(now.since(since))).unwrap_or_default();
    [(status.to_owned(), Some(tone(status))), plain(&lasting), plain(text(connection, "cause"))]
}

/// How many events wait, and the age of the oldest of them.
fn waiting(connection: &Value) -> [Cell; 2] {
    let delivery = &connection["delivery"];
    let oldest = delivery["oldest_unacknowledged_ms"].as_u64().map(|ms| age(Duration::from_millis(ms)));
    [plain(&grouped(delivery["backlog"].as_u64().unwrap_or(0))), plain(&oldest.unwrap_or_default())]
}

/// In the largest whole unit: `40 s`, `3 min`, `5 h`, `12 d`.
pub(super) fn age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..=59 => format!("{seconds} s"),
        seconds @ 60..=3_599 => format!("{} min", seconds / 60),
        seconds @ 3_600..=86_399 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAIN: Screen = Screen { fancy: false, columns: 120, aside: false };

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-22T10:00:00Z").unwrap()
    }

    #[test]
    fn a_list_fits_120_columns_whatever_the_names() {
        let long = format!("{}\u{1b}[2J", "x".repeat(200));
        let connection = json!({
            "project": { "id": long }, "status": "degraded", "since": "2024-01-01T00:00:00Z", "cause": long,
            "name": long, "endpoint": long, "transport": "relp_tls",
            "delivery": { "backlog": 1_234_567, "oldest_unacknowledged_ms": 86_400_000_u64 * 400, "acknowledged": 123_456_789_012_u64 }
        });
        let connections = [connection];
        for lines in [of_project(&connections, now(), PLAIN), of_all(&connections, now(), PLAIN)] {
            for line in lines {
                assert!(line.chars().count() <= 120, "{} characters: {line}", line.chars().count());
                assert!(!line.contains('\u{1b}'));
            }
        }
    }

    #[test]
    fn a_row_says_for_how_long_why_and_how_much_waits() {
        let connection = json!({
            "project": { "id": "p1" }, "status": "failing", "since": "2026-11-22T09:57:00Z", "cause": "connect_refused",
            "name": "main", "endpoint": "192.0.2.7:514", "transport": "tcp",
            "delivery": { "backlog": 1_234, "oldest_unacknowledged_ms": 7_200_500, "acknowledged": 17 }
        });
        let connections = [connection];
        let rows = of_project(&connections, now(), PLAIN);
        let row = rows[1].split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row, "failing 3 min connect_refused main 192.0.2.7:514 tcp 1,234 2 h 17");
        let rows = of_all(&connections, now(), PLAIN);
        let row = rows[1].split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row, "failing 3 min connect_refused p1 main 192.0.2.7:514 tcp 1,234 2 h");
    }

    #[test]
    fn ages_are_in_their_largest_unit() {
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 10_000_000].map(|s| age(Duration::from_secs(s)));
        assert_eq!(ages, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "115 d"]);
    }
}
