//! What a receiver got, and whether that is what the Event log holds.

use std::collections::BTreeMap;
use std::time::Duration;

use auditwire_model::wire::read_cef;
use serde_json::Value;

use crate::world::eventually;
use crate::world::real::Receiver;
use crate::world::service::Service;
use crate::world::sink::Sink;

/// A message that arrived and carries an event of the log.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) seq: u64,
    pub(super) id: String,
    pub(super) is_cef: bool,
}

/// Whatever takes messages.
pub(super) trait Receives {
    /// The text of each message so far, with or without its syslog header.
    fn texts(&self) -> Vec<String>;

    /// The events among them, in the order in which they came.
    fn got(&self) -> Vec<Got> {
        self.texts().iter().filter_map(|text| Got::read(text)).collect()
    }

    /// How many test messages of checks came.
    fn tests(&self) -> usize {
        self.texts().iter().filter(|text| text.contains("siem-connection-test")).count()
    }

    /// Whether none of these events came.
    fn has_none(&self, ids: &[String]) -> bool {
        self.got().iter().all(|got| !ids.contains(&got.id))
    }

    /// Waits until these events have come; gives all that came.
    async fn gets(&self, ids: &[String]) -> Vec<Got> {
        eventually(&format!("{ids:?} at the receiver"), LIMIT, async || {
            let got = self.got();
            ids.iter().all(|id| got.iter().any(|got| got.id == *id)).then_some(got)
        })
        .await
    }

    /// Waits until everything that the log holds from `first` on has come, unchanged, and nothing else; gives all that came.
    async fn gets_all(&self, service: &Service, first: u64) -> Vec<Got> {
        let log: BTreeMap<u64, String> = service.all_events().await.iter().map(stored).collect();
        let got = eventually(&format!("all from {first} on at the receiver"), LIMIT, async || {
            let got = self.got();
            log.range(first..).all(|(seq, _)| got.iter().any(|got| got.seq == *seq)).then_some(got)
        })
        .await;
        // More may have been logged meanwhile.
        for message in got.iter().filter(|message| message.seq <= log.len() as u64) {
            assert!(message.seq >= first && log[&message.seq] == message.id, "{message:?} should not have come");
        }
        got
    }
}

/// Whether the messages came in the order of the log. Over two links, one after the other, a receiver may mix them.
pub(super) fn in_order(got: &[Got]) -> bool {
    got.is_sorted_by_key(|message| message.seq)
}

/// How long events may be on their way on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

impl Receives for Receiver {
    fn texts(&self) -> Vec<String> {
        self.messages().iter().map(|message| message["msg"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Receives for Sink {
    fn texts(&self) -> Vec<String> {
        self.messages()
    }
}

impl Got {
    /// A test message carries no number.
    fn read(text: &str) -> Option<Self> {
        if let Some(at) = text.find("CEF:0|") {
            let cef = read_cef::parse(&text[at..]).unwrap_or_else(|e| panic!("{e:?}: {text}"));
            let seq = cef.get("cn2")?.parse().unwrap();
            return Some(Self { seq, id: cef.get("externalId").unwrap().to_owned(), is_cef: true });
        }
        let at = text.find('{').unwrap_or_else(|| panic!("neither CEF nor RAW: {text}"));
        let event: Value = serde_json::from_str(&text[at..]).unwrap_or_else(|e| panic!("{e}: {text}"));
        event["seq"].is_u64().then(|| {
            let (seq, id) = stored(&event);
            Self { seq, id, is_cef: false }
        })
    }
}

fn stored(event: &Value) -> (u64, String) {
    (event["seq"].as_u64().unwrap(), event["event_id"].as_str().unwrap().to_owned())
}
