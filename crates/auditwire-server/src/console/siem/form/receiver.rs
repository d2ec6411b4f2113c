//! What is at the other end: the choice, what it is known to read wrongly, and how it is told to listen.

use askama::Template;
use auditwire_engine::connections;
use auditwire_model::connection::{Endpoint, Receiver, Warning};
use axum::http::StatusCode;
use axum::response::Response;

use super::snippet::Snippet;
use super::values::Values;
use crate::api::Problem;
use crate::console::form::Posted;
use crate::console::page::{Frame, Section, page};
use crate::console::visible::visible;
use crate::console::who::InProject;
use crate::console::words::{Language, Words};

/// Usual ports of syslog, in plain and in TLS (RFC 5424 has none for TCP; RFC 5425 section 4.1).
const PORTS: [u16; 2] = [514, 6514];

/// What follows from the receiver and the other fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// The product, when one is chosen.
    pub(super) name: Option<&'static str>,
    pub(super) snippet: Option<Snippet>,
    pub(super) warnings: Vec<String>,
}

impl Shown {
    /// Nothing is shown as long as a field is wrong: its own error says so.
    pub(super) fn of(by: &InProject, values: &Values) -> Self {
        let Some(receiver) = Receiver::parse(&values.receiver) else { return Self::default() };
        let name = Some(receiver.name()).filter(|name| !name.is_empty());
        let body = values.receiver_json().to_string();
        let Ok((spec, warnings)) = connections::inspect(by.engine(), body.as_bytes()) else {
            return Self { name, ..Self::default() };
        };
        let port = Endpoint::parse(&values.endpoint).map(|endpoint| endpoint.port);
        let port = port.unwrap_or(PORTS[usize::from(spec.transport.is_tls())]);
        let ours = &by.engine().settings.delivery.hostname;
        let hostname = spec.options.hostname.as_ref().unwrap_or(ours);
        let warnings = warnings.iter().map(|warning| text(by.words(), warning)).collect();
        Self { name, snippet: Snippet::of(&spec, port, &visible(hostname)), warnings }
    }
}

/// A warning in the reader's language.
pub(super) fn text(words: Words, warning: &Warning) -> String {
    let key = format!("error-{}", warning.code);
    if words.0 == Language::English || !words.has(&key) {
        return warning.detail() + ".";
    }
    let transports: Vec<&str> = warning.receiver.transports().iter().map(|transport| transport.as_str()).collect();
    let values = [
        ("receiver", warning.receiver.name().to_owned()),
        ("bytes", words.number(u64::from(warning.bytes.unwrap_or_default()))),
        ("transports", transports.join(", ")),
    ];
    words.with_all(&key, &values)
}

#[derive(Template)]
#[template(path = "siem/form_receiver.html")]
struct ReceiverFragment {
    frame: Frame,
    receiver: Shown,
}

/// `POST …/settings/siem/receiver`: what follows from the fields as they are entered just now.
pub(super) async fn told(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let frame = Frame::new(&by, Section::Settings, by.words().t("form-receiver"));
    page(&by, StatusCode::OK, &ReceiverFragment { frame, receiver: Shown::of(&by, &Values::read(&form)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_warning_is_told_in_both_languages() {
        for code in Warning::codes() {
            let warning = Warning { code, field: "format", receiver: Receiver::Qradar, bytes: Some(4096) };
            let russian = text(Words(Language::Russian), &warning);
            assert!(russian.contains("IBM QRadar"), "{code}: {russian}");
            assert!(russian.chars().any(|c| ('а'..='я').contains(&c)), "{code}: {russian}");
            assert_eq!(russian.contains("4\u{a0}096"), code == "receiver_size", "{russian}");
            assert_eq!(russian.contains("tcp, tls, udp"), code == "receiver_transport", "{russian}");
            assert_eq!(text(Words(Language::English), &warning), warning.detail() + ".");
        }
    }
}
