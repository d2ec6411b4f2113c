//! A made-up cloud for the demo: people, machines and networks, and what they do to each other all day. One seed always
//! gives the same events (but for their times), and after a while every action of the catalogue has occurred.

use auditwire_model::Timestamp;
use auditwire_model::catalogue::{self, Entry};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::people::{AGENTS, MACHINES, PEOPLE, Person};

/// Actions that happen all the time in a real cloud; the rest of the catalogue comes in between.
const FREQUENT: [(&str, &str); 8] = [
    ("iam", "user-signin"),
    ("iam", "user-signin"),
    ("iam", "user-signout"),
    ("nova", "vm-action"),
    ("nova", "create-vm"),
    ("nova", "vm-create-console"),
    ("cinder", "create-volume"),
    ("network", "update-port"),
];

/// What comes first, because the demo shows it whole.
const OPENING: [(&str, &str); 3] =
    [("iam", "user-signin"), ("nova", "create-vm"), ("network", "create-security-group")];

/// Gives events, one after the other.
pub(crate) struct Generator {
    rng: StdRng,
    /// The whole catalogue in a random order, gone through again and again.
    rare: Vec<&'static Entry>,
    next_rare: usize,
    opening: std::slice::Iter<'static, (&'static str, &'static str)>,
    projects: Vec<String>,
}

impl Generator {
    /// A cloud that is determined by its seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut rare: Vec<&'static Entry> = from_outside().collect();
        rare.shuffle(&mut rng);
        let projects = (0..5).map(|_| hex_id(&mut rng)).collect();
        Self { rng, rare, next_rare: 0, opening: OPENING.iter(), projects }
    }

    /// The next event, in the form that intake takes, as if it happened at `now`.
    pub(crate) fn next(&mut self, now: Timestamp) -> Value {
        let Some(entry) = self.entry() else { return Value::Null };
        let person = PEOPLE.choose(&mut self.rng).unwrap_or(&PEOPLE[0]);
        let failed = self.rng.random_bool(0.07);
        let (severity, code, text) = self.outcome(entry, failed);
        let mut event = json!({
            "event_id": self.uuid(),
            "timestamp": now,
            "plane": "control",
            "action": entry.action,
            "severity": severity,
            "request_id": format!("req-{}", self.uuid()),
            "message": message(entry, person, failed),
            "source": { "id": entry.source, "address": self.service_address() },
            "subject": self.subject(person),
            "resource": self.resource(entry),
            "status": { "code": code, "message": text },
        });
        if self.rng.random_bool(0.1) {
            event["labels"] = json!(["pci", "change-window"]);
        }
        event
    }

    fn entry(&mut self) -> Option<&'static Entry> {
        if let Some((source, action)) = self.opening.next() {
            return catalogue::find(source, action, None);
        }
        if self.rng.random_bool(0.4)
            && let Some((source, action)) = FREQUENT.choose(&mut self.rng)
            && let Some(entry) = catalogue::find(source, action, None)
        {
            return Some(entry);
        }
        let entry = self.rare.get(self.next_rare).copied();
        self.next_rare = (self.next_rare + 1) % self.rare.len().max(1);
        entry
    }

    fn service_address(&mut self) -> String {
        format!("10.{}.0.{}", self.rng.random_range(0..4), self.rng.random_range(2..250))
    }

    fn subject(&mut self, person: &Person) -> Value {
        let agent = AGENTS.choose(&mut self.rng).copied().unwrap_or("curl/8.5.0");
        let project = self.projects.choose(&mut self.rng).cloned().unwrap_or_default();
        json!({
            "user_id": person.id,
            "address": self.address(),
            "project_id": project,
            "metadata": { "name": person.name, "email": format!("{}@example.org", person.login), "user_agent": agent },
        })
    }

    /// From the ranges that are reserved for examples (RFC 5737, RFC 3849).
    fn address(&mut self) -> String {
        match self.rng.random_range(0..4) {
            0 => format!("2001:db8:{:x}::{:x}", self.rng.random_range(1..64), self.rng.random_range(1..4096)),
            1 => format!("198.51.100.{}", self.rng.random_range(1..255)),
            _ => format!("203.0.113.{}", self.rng.random_range(1..255)),
        }
    }

    fn resource(&mut self, entry: &Entry) -> Value {
        let kind = match entry.source {
            "iam" => "account",
            "nova" => "vm",
            "cinder" => "volume",
            "manila" => "share",
            "octavia" => "load-balancer",
            "dns" => "record",
            _ => "port",
        };
        let machine = MACHINES.choose(&mut self.rng).copied().unwrap_or("vm");
        let name = format!("{machine}-{:02}", self.rng.random_range(1..40));
        let mut metadata = json!({ "service_id": entry.source.to_uppercase(), "name": name, "region": "msk-1" });
        if let Some(method) = entry.method() {
            metadata["http_method"] = json!(method);
        }
        json!({ "id": self.uuid(), "type": kind, "metadata": metadata })
    }

    /// Severity, status code and its text.
    fn outcome(&mut self, entry: &Entry, failed: bool) -> (&'static str, &'static str, &'static str) {
        if failed && entry.source == "iam" {
            return ("WARNING", "401", "Unauthorized");
        }
        if failed {
            return FAILURES.choose(&mut self.rng).copied().unwrap_or(FAILURES[0]);
        }
        let action = entry.action.to_lowercase();
        if action.contains("delete") || action.contains("remove") {
            ("NOTICE", "204", "No Content")
        } else if action.contains("create") {
            ("INFO", "201", "Created")
        } else {
            ("INFO", "200", "OK")
        }
    }

    fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.rng.random()).into_uuid().to_string()
    }
}

/// What other services report; the source `auditwire` is the service's own and may not be sent.
fn from_outside() -> impl Iterator<Item = &'static Entry> {
    catalogue::entries().iter().filter(|entry| entry.source != "auditwire")
}

const FAILURES: [(&str, &str, &str); 5] = [
    ("WARNING", "403", "Forbidden"),
    ("WARNING", "404", "Not Found"),
    ("WARNING", "409", "Conflict"),
    ("ERROR", "500", "Internal Server Error"),
    ("CRITICAL", "503", "Service Unavailable"),
];

fn message(entry: &Entry, person: &Person, failed: bool) -> String {
    match (entry.action, failed) {
        ("user-signin", true) => format!("Вход отклонён: неверный пароль для {}", person.login),
        ("user-signin", false) => format!("{} signed in", person.name),
        (_, true) => format!("{} by {} was refused: quota \"cores\" [limit=64]", entry.title, person.login),
        (_, false) => format!("{} by {}", entry.title, person.login),
    }
}

fn hex_id(rng: &mut StdRng) -> String {
    format!("{:032x}", rng.random::<u128>())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use auditwire_model::Clock as _;
    use auditwire_model::clock::ManualClock;

    use super::*;

    fn events(seed: u64, count: usize) -> Vec<Value> {
        let now = ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()).now();
        let mut generator = Generator::new(seed);
        (0..count).map(|_| generator.next(now)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_events_and_another_seed_gives_others() {
        assert_eq!(events(7, 300), events(7, 300));
        assert_ne!(events(7, 300), events(8, 300));
    }

    #[test]
    fn every_action_of_the_catalogue_occurs_within_ten_seconds_of_the_demo() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let seen: HashSet<(String, String)> =
            events(1, 5000).iter().map(|event| (text(&event["source"]["id"]), text(&event["action"]))).collect();
        for entry in from_outside() {
            let key = (entry.source.to_owned(), entry.action.to_owned());
            assert!(seen.contains(&key), "{key:?} does not occur");
        }
    }

    #[test]
    fn the_stream_has_what_a_real_one_has() {
        let events = events(3, 2000);
        let any = |wanted: &dyn Fn(&Value) -> bool| events.iter().any(wanted);
        assert!(any(&|e| e["subject"]["address"].as_str().is_some_and(|a| a.contains(':'))), "no IPv6 address");
        assert!(any(&|e| e["status"]["code"] == "401"), "no failed sign-in");
        assert!(any(&|e| e["severity"] == "CRITICAL"), "nothing critical");
        assert!(any(&|e| e["message"].as_str().is_some_and(|m| m.contains("Вход"))), "no Cyrillic text");
        assert!(any(&|e| e["labels"].is_array()), "no labels");
        let ids: HashSet<&str> = events.iter().filter_map(|e| e["event_id"].as_str()).collect();
        assert_eq!(ids.len(), events.len());
    }
}
