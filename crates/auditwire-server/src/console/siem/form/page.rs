//! The form as a page: what the template shows, made from values, mistakes, and what is stored.

use askama::Template;
use auditwire_engine::connections::{ConnectionView, PemContents, defaults, inspect_pem};
use auditwire_engine::delivery::Status;
use auditwire_engine::search;
use auditwire_engine::secrets::Secret;
use auditwire_model::connection::{Format, Mapping, Options, Receiver, Transport};
use auditwire_model::query::Field;
use axum::http::StatusCode;
use axum::response::Response;

use super::filter::Meaning;
use super::mistakes::FIELDS;
use super::pem::Shown;
use super::stale::{Difference, differences};
use super::values::{Selected, Values, size_text, word};
use super::{builder, preview, receiver};
use crate::api::Problem;
use crate::console::cookies::hex;
use crate::console::form::{Form, FormErrors};
use crate::console::page::{Frame, Section, page};
use crate::console::siem::{is_active, name_of};
use crate::console::visible::line;
use crate::console::who::InProject;
use crate::console::words::Words;

/// Names of the facilities in their order (RFC 5424 section 6.2.1, as syslog servers spell them).
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
const OUTCOMES: [&str; 3] = ["success", "failure", "unknown"];
/// So many sources are offered; others can be typed.
const SOURCES_MAX: usize = 100;

/// What a page of the form is made from.
pub(super) struct Draft<'a> {
    pub(super) values: Values,
    pub(super) errors: FormErrors,
    /// What was sent, when it was refused.
    pub(super) posted: Option<&'a Form>,
    /// The connection that is configured; none for a new one.
    pub(super) stored: Option<&'a ConnectionView>,
    /// Somebody else changed it meanwhile.
    pub(super) stale: bool,
    /// What it would do, when that was asked for.
    pub(super) preview: Option<preview::Shown>,
    /// It is to stand beside the mappings.
    pub(super) compared: bool,
    /// Its query was just made from rows.
    pub(super) built: bool,
}

impl Draft<'_> {
    /// Values that nothing is said about.
    pub(super) fn of(values: Values) -> Self {
        let errors = FormErrors::none();
        Self { values, errors, posted: None, stored: None, stale: false, preview: None, compared: false, built: false }
    }
}

/// The text that an empty field shows, by what is chosen in another one.
struct Hint {
    now: String,
    all: String,
}

/// A box to tick.
struct Choice {
    value: String,
    label: String,
    ticked: bool,
}

/// The connection that is configured.
struct Editing {
    name: String,
    revision: u64,
    status: &'static str,
    active: bool,
    /// It was stored before there was a second mapping, or left at the first one.
    first_mapping: bool,
}

#[derive(Template)]
#[template(path = "siem/form.html")]
struct FormPage {
    frame: Frame,
    errors: FormErrors,
    values: Values,
    editing: Option<Editing>,
    action: String,
    events: String,
    list: String,
    pem_url: String,
    filter_url: String,
    complete_url: String,
    /// So that a form that is sent twice makes one connection.
    key: String,
    pem: Shown,
    stored_pem: Shown,
    /// The reader's choice among keeping, replacing and removing what is stored.
    pem_remove: bool,
    pem_again: bool,
    hostname: String,
    facilities: Vec<(String, String)>,
    statuses: Vec<Choice>,
    sources: Vec<Choice>,
    meaning: Meaning,
    /// The query as rows, as far as it is one of those.
    rows: Option<Vec<builder::Row>>,
    parameters: Vec<&'static str>,
    built: bool,
    preview: Option<preview::Shown>,
    compared: bool,
    receiver: receiver::Shown,
    receivers: Vec<(&'static str, String)>,
    receiver_url: String,
    differences: Option<Vec<Difference>>,
    wrong: Vec<(&'static str, String)>,
    options_changed: u64,
}

/// Writes the page.
pub(super) async fn show(by: &InProject, status: StatusCode, draft: Draft<'_>) -> Result<Response, Problem> {
    let Draft { values, errors, posted, stored, stale, preview, compared, built } = draft;
    let (words, urls) = (by.words(), by.urls());
    let title = words.t(if stored.is_some() { "form-title-configure" } else { "form-title-new" });
    let pasted = posted.map(|form| form.raw("pem")).filter(|pem| !pem.trim().is_empty());
    let sources = search::sources(by.engine(), by.caller(), &by.project.id).await?;
    let differences = stored.filter(|_| stale).map(|s| differences(words, &Values::of(&s.stored.spec), &values));
    let frame = Frame::new(by, Section::Settings, title);
    let pem_again = pasted.is_some() && !frame.fragment;
    let wrong = FIELDS.iter().filter(|(field, _)| errors.of(field).is_some() || (*field == "pem" && pem_again));
    let template = FormPage {
        pem_again,
        frame,
        editing: stored.map(Editing::of),
        action: stored.map_or_else(|| urls.new_connection(), |s| urls.connection(s.stored.id.as_str())),
        events: urls.events(),
        list: urls.siem(),
        pem_url: urls.pem(),
        filter_url: urls.filter(),
        key: Secret::random(16).map(|secret| hex(secret.expose())).unwrap_or_default(),
        pem: pasted.map_or_else(Shown::nothing, |pem| inspected(by, pem)),
        stored_pem: stored.map_or_else(Shown::nothing, |s| Shown::stored(by, &s.stored.spec)),
        pem_remove: posted.is_some_and(|form| form.has("pem_remove")),
        hostname: by.engine().settings.delivery.hostname.clone(),
        facilities: FACILITIES.iter().enumerate().map(|(n, name)| (n.to_string(), format!("{n} {name}"))).collect(),
        statuses: statuses(by, &values.status),
        sources: offered(&values.source, sources),
        meaning: Meaning::of(&values, words),
        complete_url: urls.complete("whole=1"),
        rows: builder::rows(&values.query),
        parameters: Field::names().collect(),
        built,
        preview,
        compared,
        receiver: receiver::Shown::of(by, &values),
        receivers: receivers(words),
        receiver_url: urls.receiver(),
        differences,
        wrong: wrong.map(|(field, key)| (*field, words.t(key))).collect(),
        options_changed: options_changed(&values),
        errors,
        values,
    };
    page(by, status, &template)
}

/// What can be at the other end, by its word.
fn receivers(words: Words) -> Vec<(&'static str, String)> {
    let label = |receiver: Receiver| match receiver {
        Receiver::Other => words.t("form-receiver-other"),
        known => known.name().to_owned(),
    };
    Receiver::ALL.into_iter().map(|receiver| (receiver.as_str(), label(receiver))).collect()
}

/// What a PEM that was sent holds; nothing if it is wrong, which is told as an error of its field.
fn inspected(by: &InProject, pem: &str) -> Shown {
    match inspect_pem(pem.as_bytes()) {
        Ok(PemContents { certificates, client_key }) => Shown::of(by, &certificates, client_key),
        Err(_) => Shown::nothing(),
    }
}

impl Editing {
    fn of(view: &ConnectionView) -> Self {
        Self {
            name: name_of(view),
            revision: view.stored.revision,
            status: match view.status {
                Status::Inactive => "inactive",
                Status::Active => "active",
                Status::Degraded => "degraded",
                Status::Failing => "failing",
            },
            active: is_active(view),
            first_mapping: view.stored.spec.options.mapping == Mapping::First,
        }
    }
}

/// The outcomes, then whatever else is chosen.
fn statuses(by: &InProject, selected: &Selected) -> Vec<Choice> {
    let labels = ["form-outcome-success", "form-outcome-failure", "form-outcome-unknown"];
    let outcomes = OUTCOMES.iter().zip(labels).map(|(value, key)| Choice {
        value: (*value).to_owned(),
        label: by.words().t(key),
        ticked: selected.chosen.iter().any(|chosen| chosen == value),
    });
    let others = selected.chosen.iter().filter(|value| !OUTCOMES.contains(&value.as_str()));
    outcomes.chain(others.map(|value| Choice::ticked(value))).collect()
}

/// What is chosen, then what else occurs.
fn offered(selected: &Selected, occurring: Vec<String>) -> Vec<Choice> {
    let others = occurring.into_iter().filter(|source| !selected.chosen.contains(source)).take(SOURCES_MAX);
    let others = others.map(|source| Choice { label: line(&source, 80), value: source, ticked: false });
    selected.chosen.iter().map(|value| Choice::ticked(value)).chain(others).collect()
}

impl Choice {
    fn ticked(value: &str) -> Self {
        Self { value: value.to_owned(), label: line(value, 80), ticked: true }
    }
}

/// How many format options are not as by default.
fn options_changed(values: &Values) -> u64 {
    let new = Values::new();
    // Those of another format are not shown.
    let of = |format: &str| values.format == format;
    let mut changed = u64::from(values.bom)
        + u64::from(of("cef") && values.ipv6_in_src)
        + u64::from(of("cef") && values.cef_envelope != new.cef_envelope)
        + u64::from(of("leef") && values.leef_cat != new.leef_cat)
        + u64::from(of("rfc5424") && values.structured_data != new.structured_data)
        + u64::from(of("rfc5424") && values.message != new.message);
    for (value, default) in [
        (&values.framing, &new.framing),
        (&values.metadata_keys, &new.metadata_keys),
        (&values.facility, &new.facility),
        (&values.hostname, &new.hostname),
        (&values.app_name, &new.app_name),
        (&values.max_bytes, &new.max_bytes),
        (&values.pen, &new.pen),
        (&values.overlap_bytes, &new.overlap_bytes),
        (&values.overlap_seconds, &new.overlap_seconds),
        (&values.heartbeat_seconds, &new.heartbeat_seconds),
        (&values.order, &new.order),
    ] {
        changed += u64::from(value != default);
    }
    changed
}

impl FormPage {
    /// Whether the field is the first wrong one, or the first of all: where the reader begins.
    fn begins_at(&self, field: &str) -> bool {
        match self.wrong.first() {
            Some((first, _)) => *first == field,
            None => self.editing.is_none() && field == "name",
        }
    }

    fn operators(&self) -> &'static [(&'static str, &'static str)] {
        &builder::OPERATORS
    }

    /// What Enter in a field does: the first button at the end of the form.
    fn usual_button(&self) -> &'static str {
        match &self.editing {
            Some(editing) if editing.active => "keep",
            _ => "check",
        }
    }

    /// Where a link to the field leads: its control, or the first of its group.
    fn anchor(&self, field: &str) -> String {
        let first = match field {
            "transport" => "-tcp",
            "verify" => "-full",
            "min_version" => "-1.2",
            "format" => "-rfc5424",
            "mapping" if self.first_mapping() => "-1",
            "filter" => "-none",
            "status" | "source" => "_more",
            _ => "",
        };
        format!("#f-{field}{first}")
    }

    /// What the buttons will do.
    fn end_help(&self) -> &'static str {
        match &self.editing {
            None => "form-create-help",
            Some(editing) if editing.active => "form-save-active-help",
            Some(_) => "form-save-help",
        }
    }

    fn options_open(&self) -> bool {
        let options = [
            "framing",
            "cef_envelope",
            "facility",
            "hostname",
            "app_name",
            "max_bytes",
            "pen",
            "overlap_bytes",
            "overlap_seconds",
            "heartbeat_seconds",
            "order",
            "leef_cat",
            "ipv6_in_src",
            "metadata_keys",
            "structured_data",
            "message",
            "bom",
        ];
        self.options_changed > 0 || self.wrong.iter().any(|(field, _)| options.contains(field))
    }

    /// The mappings stand beside each other.
    fn first_mapping(&self) -> bool {
        self.editing.as_ref().is_some_and(|editing| editing.first_mapping)
    }

    fn facility_default(&self) -> String {
        Options::default().facility.to_string()
    }

    fn pen_default(&self) -> String {
        Options::default().pen.to_string()
    }

    fn overlap_default(&self) -> String {
        size_text(defaults(Transport::Tcp, Format::Rfc5424).overlap_bytes)
    }

    fn overlap_help(&self) -> String {
        let range = defaults(Transport::Tcp, Format::Rfc5424).overlap_range;
        let values = [("min", size_text(*range.start())), ("max", size_text(*range.end()))];
        self.frame.words.with_all("form-overlap-help", &values)
    }

    fn max_bytes_help(&self) -> String {
        let number = |n: &u64| self.frame.words.number(*n);
        let (stream, udp) = (defaults(Transport::Tcp, Format::Rfc5424), defaults(Transport::Udp, Format::Rfc5424));
        let values = [
            ("default", number(&stream.max_bytes)),
            ("udp", number(&udp.max_bytes)),
            ("min", number(stream.max_bytes_range.start())),
            ("max", number(stream.max_bytes_range.end())),
            ("udpmax", number(udp.max_bytes_range.end())),
        ];
        self.frame.words.with_all("form-max-bytes-help", &values)
    }

    fn rate_help(&self) -> String {
        let udp = defaults(Transport::Udp, Format::Rfc5424).rate_limit.unwrap_or_default();
        self.frame.words.with("form-rate-limit-help", "udp", self.frame.words.number(udp.into()))
    }

    fn max_bytes_hint(&self) -> Hint {
        self.by_transport(|transport| self.frame.words.number(defaults(transport, Format::Rfc5424).max_bytes))
    }

    fn rate_hint(&self) -> Hint {
        self.by_transport(|transport| match defaults(transport, Format::Rfc5424).rate_limit {
            Some(limit) => self.frame.words.number(limit.into()),
            None => self.frame.t("form-no-limit"),
        })
    }

    fn by_transport(&self, text: impl Fn(Transport) -> String) -> Hint {
        use Transport::{Relp, RelpTls, Tcp, Tls, Udp};
        let all = [Tcp, Udp, Tls, Relp, RelpTls].map(|t| (word(t), text(t)));
        Hint::of(&all, &self.values.transport)
    }

    fn app_name_hint(&self) -> Hint {
        let all = [Format::Rfc5424, Format::Cef, Format::Leef]
            .map(|f| (word(f), defaults(Transport::Tcp, f).app_name.to_owned()));
        Hint::of(&all, &self.values.format)
    }
}

impl Hint {
    fn of(all: &[(String, String)], chosen: &str) -> Self {
        let now = all.iter().find(|(choice, _)| choice == chosen).map(|(_, text)| text.clone()).unwrap_or_default();
        let all = all.iter().map(|(choice, text)| format!("{choice}={text}")).collect::<Vec<_>>().join(";");
        Self { now, all }
    }
}
