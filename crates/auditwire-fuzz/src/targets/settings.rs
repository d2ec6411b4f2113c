//! What tenants set: connections, addresses, times.

use auditwire_engine::alerts::webhook;
use auditwire_engine::connections::ConnectionInput;
use auditwire_engine::delivery::tls::normalise_fingerprint;
use auditwire_model::connection::Endpoint;
use auditwire_model::query::read_time;
use auditwire_model::{ConnectionId, ProjectId, Timestamp};

/// Most mistakes that are told at once.
const MISTAKES_MAX: usize = 32;

pub(crate) fn connection(bytes: &[u8]) {
    match ConnectionInput::from_json_all(bytes) {
        Ok(input) => assert!(!input.name().is_empty(), "a connection without a name"),
        Err(mistakes) => assert!((1..=MISTAKES_MAX).contains(&mistakes.len()), "{} mistakes", mistakes.len()),
    }
}

/// One text a line.
pub(crate) fn addresses(bytes: &[u8]) {
    for text in String::from_utf8_lossy(bytes).lines() {
        if let Ok(endpoint) = Endpoint::parse(text) {
            assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint), "{text}");
        }
        if let Ok((endpoint, host, path)) = webhook::read_address(text) {
            assert!(Endpoint::parse(&endpoint).is_ok() && path.starts_with('/'), "{text}: {endpoint} {path}");
            assert!(!(host + &path).contains(|c: char| c.is_whitespace() || c.is_control()), "{text}");
        }
        if let Some(fingerprint) = normalise_fingerprint(text) {
            assert_eq!(normalise_fingerprint(&fingerprint), Some(fingerprint));
        }
        if let Ok(project) = ProjectId::parse(text) {
            assert_eq!(project.to_string(), text);
        }
        if let Ok(connection) = ConnectionId::parse(text) {
            assert_eq!(connection.to_string(), text);
        }
    }
}

/// One text a line.
pub(crate) fn times(bytes: &[u8]) {
    let now = Timestamp::parse("2026-11-22T10:00:00Z").expect("a time");
    for text in String::from_utf8_lossy(bytes).lines() {
        let absolute = Timestamp::parse(text);
        if let Ok(time) = absolute {
            let mut printed = Vec::new();
            time.append_rfc3339(&mut printed);
            let printed = String::from_utf8(printed).expect("a time prints as text");
            assert_eq!(Timestamp::parse(&printed), Ok(time), "{text} prints as {printed}");
            assert_eq!(read_time(text, None).ok(), Some(time), "{text}");
        }
        if let (Ok(relative), Err(_)) = (read_time(text, Some(now)), absolute) {
            let mut printed = Vec::new();
            relative.append_rfc3339(&mut printed);
            assert_eq!(Timestamp::parse(&String::from_utf8_lossy(&printed)), Ok(relative), "{text}");
        }
    }
}
