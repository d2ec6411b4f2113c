//! Every address of the console. Templates and handlers take them from here, so that a renamed route cannot be missed.

use auditwire_model::{Position, ProjectId};

/// Where one begins.
pub(crate) const HOME: &str = "/";
pub(crate) const SIGN_IN: &str = "/sign-in";
pub(crate) const SIGN_IN_LINK: &str = "/sign-in/link";
pub(crate) const SIGN_OUT: &str = "/sign-out";
pub(crate) const ACCOUNT: &str = "/account";
pub(crate) const PASSWORD: &str = "/account/password";
pub(crate) const PROJECTS: &str = "/projects";
/// The connections of all projects.
pub(crate) const CONNECTIONS: &str = "/connections";

/// What the router matches of the Event log.
pub(crate) const EVENTS: &str = "/projects/{project}/events";
pub(crate) const EVENT: &str = "/projects/{project}/events/{seq}";
pub(crate) const LIVE_EVENTS: &str = "/projects/{project}/events/live";
pub(crate) const DOWNLOAD: &str = "/projects/{project}/events/download";
pub(crate) const COUNT: &str = "/projects/{project}/events/count";
pub(crate) const HISTOGRAM: &str = "/projects/{project}/events/histogram";
pub(crate) const FACETS: &str = "/projects/{project}/events/facets";
pub(crate) const COMPLETE: &str = "/projects/{project}/events/complete";
pub(crate) const NEW_CONNECTION: &str = "/projects/{project}/settings/siem/new";
pub(crate) const PEM: &str = "/projects/{project}/settings/siem/pem";
pub(crate) const FILTER: &str = "/projects/{project}/settings/siem/filter";
pub(crate) const RECEIVER: &str = "/projects/{project}/settings/siem/receiver";
pub(crate) const CONNECTION: &str = "/projects/{project}/settings/siem/connections/{id}";

/// What the router matches of alerts.
pub(crate) const ALERTS: &str = "/projects/{project}/settings/alerts";

/// What the router matches of the retention.
pub(crate) const RETENTION: &str = "/projects/{project}/settings/retention";

/// What the router matches of SIEM connections.
pub(crate) const SIEM: &str = "/projects/{project}/settings/siem";
pub(crate) const START: &str = "/projects/{project}/settings/siem/start";
pub(crate) const STOP: &str = "/projects/{project}/settings/siem/stop";
pub(crate) const DELETE: &str = "/projects/{project}/settings/siem/delete";
pub(crate) const CHECK: &str = "/projects/{project}/settings/siem/connections/{id}/check";
pub(crate) const DELIVERY: &str = "/projects/{project}/settings/siem/connections/{id}/delivery";
pub(crate) const QUARANTINE: &str = "/projects/{project}/settings/siem/connections/{id}/quarantine";
pub(crate) const ACTIVATE: &str = "/projects/{project}/settings/siem/connections/{id}/activate";
pub(crate) const REPLAY: &str = "/projects/{project}/settings/siem/connections/{id}/replay";
pub(crate) const REPLAYS: &str = "/projects/{project}/settings/siem/replays/{id}";

/// A view of the connections of all projects; what is empty is left out.
pub(crate) fn overview(status: &str, text: &str, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let given = [("status", status), ("text", text), ("cursor", cursor)];
    query.extend_pairs(given.into_iter().filter(|(_, value)| !value.is_empty()));
    with_query(CONNECTIONS.to_owned(), &query.finish())
}

/// The addresses inside one project.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Urls<'a>(pub(crate) &'a ProjectId);

impl Urls<'_> {
    /// Monitoring → Event log.
    pub(crate) fn events(self) -> String {
        format!("/projects/{}/events", self.0)
    }

    /// The same with a query: another view of it.
    pub(crate) fn events_view(self, query: &str) -> String {
        with_query(self.events(), query)
    }

    /// One event.
    pub(crate) fn event(self, seq: Position) -> String {
        format!("/projects/{}/events/{seq}", self.0)
    }

    /// One event, seen from a view of the list.
    pub(crate) fn event_in(self, seq: Position, query: &str) -> String {
        with_query(self.event(seq), query)
    }

    /// A fragment: how many events a view has.
    pub(crate) fn count(self, query: &str) -> String {
        with_query(format!("/projects/{}/events/count", self.0), query)
    }

    /// A fragment: when the events of a view happened.
    pub(crate) fn histogram(self, query: &str) -> String {
        with_query(format!("/projects/{}/events/histogram", self.0), query)
    }

    /// A fragment: the values of a filter that the events of a view have.
    pub(crate) fn facets(self, query: &str, of: &str) -> String {
        let path = with_query(format!("/projects/{}/events/facets", self.0), query);
        format!("{path}{}of={of}", if query.is_empty() { '?' } else { '&' })
    }

    /// A fragment: what could stand at a place of a query.
    pub(crate) fn complete(self, query: &str) -> String {
        with_query(format!("/projects/{}/events/complete", self.0), query)
    }

    /// Server-sent events with rows of the table, beginning after `seen`.
    pub(crate) fn live_events(self, query: &str, seen: Position) -> String {
        let path = with_query(format!("/projects/{}/events/live", self.0), query);
        format!("{path}{}after={seen}", if query.is_empty() { '?' } else { '&' })
    }

    /// The TSV download (POST) of a view.
    pub(crate) fn download(self, query: &str) -> String {
        with_query(format!("/projects/{}/events/download", self.0), query)
    }

    /// Where services send events.
    pub(crate) fn api_events(self) -> String {
        format!("/api/v1/projects/{}/events", self.0)
    }

    /// Event log → Settings → SIEM: the list.
    pub(crate) fn siem(self) -> String {
        format!("/projects/{}/settings/siem", self.0)
    }

    /// Event log → Settings → Alerts.
    pub(crate) fn alerts(self) -> String {
        format!("/projects/{}/settings/alerts", self.0)
    }

    /// Event log → Settings → Retention.
    pub(crate) fn retention(self) -> String {
        format!("/projects/{}/settings/retention", self.0)
    }

    /// The form of a new connection.
    pub(crate) fn new_connection(self) -> String {
        format!("/projects/{}/settings/siem/new", self.0)
    }

    /// A fragment: the certificates of a PEM (POST).
    pub(crate) fn pem(self) -> String {
        format!("/projects/{}/settings/siem/pem", self.0)
    }

    /// A fragment: the expression that general filters mean (POST).
    pub(crate) fn filter(self) -> String {
        format!("/projects/{}/settings/siem/filter", self.0)
    }

    /// A fragment: what follows from the receiver of a connection (POST).
    pub(crate) fn receiver(self) -> String {
        format!("/projects/{}/settings/siem/receiver", self.0)
    }

    /// What a group action asks first, and where it is done (POST): `start`, `stop` or `delete`.
    pub(crate) fn group(self, action: &str) -> String {
        format!("/projects/{}/settings/siem/{action}", self.0)
    }

    /// Asks before one connection is deleted.
    pub(crate) fn delete_one(self, id: &str) -> String {
        format!("{}?id={id}", self.group("delete"))
    }

    /// The form of a connection.
    pub(crate) fn connection(self, id: &str) -> String {
        format!("/projects/{}/settings/siem/connections/{id}", self.0)
    }

    /// Its page: how it is, and how it went over the last day.
    pub(crate) fn delivery(self, id: &str) -> String {
        format!("/projects/{}/settings/siem/connections/{id}/delivery", self.0)
    }

    /// The same over another time: `24h` or `30d`.
    pub(crate) fn delivery_over(self, id: &str, range: &str) -> String {
        format!("{}?range={range}", self.delivery(id))
    }

    /// Its check, and what to do afterwards.
    pub(crate) fn check(self, id: &str) -> String {
        format!("/projects/{}/settings/siem/connections/{id}/check", self.0)
    }

    /// Its check, with a beginning chosen: a word of the form, and a time as the form's field sends it.
    pub(crate) fn check_with(self, id: &str, start: &str, from: &str) -> String {
        let path = format!("{}?", self.check(id));
        let begins = path.len();
        let mut query = form_urlencoded::Serializer::for_suffix(path, begins);
        query.append_pair("start", start);
        if start == "from" {
            query.append_pair("from", from);
        }
        query.finish()
    }

    /// The events that it set aside; clears the list (POST).
    pub(crate) fn quarantine(self, id: &str) -> String {
        format!("/projects/{}/settings/siem/connections/{id}/quarantine", self.0)
    }

    /// The entries before a position.
    pub(crate) fn quarantine_before(self, id: &str, before: Position) -> String {
        format!("{}?before={before}", self.quarantine(id))
    }

    /// What of the log is sent to it again; begins a replay (POST). Its earlier replays.
    pub(crate) fn replay(self, id: &str) -> String {
        format!("/projects/{}/settings/siem/connections/{id}/replay", self.0)
    }

    /// How far a replay has come; pauses, resumes and cancels it (POST).
    pub(crate) fn replay_state(self, id: &str) -> String {
        format!("/projects/{}/settings/siem/replays/{id}", self.0)
    }

    /// Where it is activated (POST).
    pub(crate) fn activate(self, id: &str) -> String {
        format!("/projects/{}/settings/siem/connections/{id}/activate", self.0)
    }
}

/// The list that a download (POST) at this address is made of; none for other addresses.
pub(crate) fn downloaded_list(address: &str) -> Option<String> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let list = path.strip_suffix("/download").filter(|list| list.ends_with("/events"))?;
    Some(with_query(list.to_owned(), query))
}

fn with_query(path: String, query: &str) -> String {
    if query.is_empty() { path } else { format!("{path}?{query}") }
}
