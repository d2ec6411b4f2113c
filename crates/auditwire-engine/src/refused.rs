//! Requests that were refused because nobody knows who sent them: told in the log of project `system`, the first at once, then once a
//! minute how many there were and from how many addresses.

use std::net::IpAddr;

use auditwire_model::access::Origin;
use auditwire_model::{ProjectId, Severity};

use crate::Engine;
use crate::audit::Audit;
use crate::log::Submission;
use crate::repeats::{Distinct, Gathered, Repeats};
use crate::windows::network;

/// What was refused, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    /// The action of its events.
    pub(crate) action: &'static str,
    /// Their status code.
    pub(crate) code: &'static str,
    /// What was asked for, as in "A request", "requests".
    pub(crate) noun: [&'static str; 2],
}

/// One refused request.
#[derive(Debug)]
pub(crate) struct One<'a> {
    pub(crate) origin: &'a Origin,
    /// The name that was given, if any, cut.
    pub(crate) name: Option<&'a str>,
    /// How it was tried, if there is more than one way.
    pub(crate) method: Option<&'static str>,
    /// Why it was refused.
    pub(crate) detail: &'a str,
}

/// What is remembered of refused requests.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// An IPv6 network counts as one address.
    addresses: Distinct<IpAddr>,
    first: Option<Origin>,
    names: Distinct<String>,
    methods: Distinct<&'static str>,
    detail: String,
}

/// Those that were not told yet.
pub(crate) type Refused = Repeats<Refusal, Seen>;

/// Notes a refused request, and tells what can be told now.
pub(crate) async fn note(engine: &Engine, refusal: Refusal, one: One<'_>) {
    let now = engine.clock.monotonic();
    let due = engine.shared.refused.note(refusal, refusal, now, |seen| {
        seen.addresses.add(network(one.origin.address()));
        seen.first.get_or_insert_with(|| one.origin.clone());
        one.name.into_iter().for_each(|name| seen.names.add(name.to_owned()));
        one.method.into_iter().for_each(|method| seen.methods.add(method));
        if seen.detail.is_empty() {
            one.detail.clone_into(&mut seen.detail);
        }
    });
    if due {
        tell(engine, engine.shared.refused.due(now)).await;
    }
}

/// Writes one event for each kind. A log that cannot take them must not turn a refusal into another error.
pub(crate) async fn tell(engine: &Engine, gathered: Vec<(Refusal, Gathered<Seen>)>) {
    if gathered.is_empty() {
        return;
    }
    let now = engine.clock.now();
    let events = gathered.iter().map(|(refusal, gathered)| told(refusal, gathered).build(now)).collect();
    let submission = Submission { project: Some(ProjectId::system()), events, changes: Vec::new() };
    if let Err(error) = engine.log.submit(submission).await {
        tracing::warn!(%error, "refused requests could not be written to the log");
    }
}

fn told(refusal: &Refusal, gathered: &Gathered<Seen>) -> Audit {
    let Gathered { count, what: Seen { addresses, first, names, methods, detail } } = gathered;
    let [one, many] = refusal.noun;
    // Where all came from one address it stands where it stands in any event, with the first request.
    let told = match first.as_ref().filter(|_| addresses.single().is_some()) {
        Some(origin) => Audit::of_stranger(refusal.action, origin),
        None => Audit::of_strangers(refusal.action),
    };
    let mut told = told.failed(refusal.code, detail).severity(Severity::Warning);
    for (key, values) in [("name", names.few()), ("method", methods.few())] {
        if !values.is_empty() {
            told = told.with(key, values);
        }
    }
    if *count == 1 {
        let from = first.as_ref().map(|first| format!(" from {}", first.address())).unwrap_or_default();
        return told.message(format!("{one}{from} was refused: {detail}"));
    }
    told.with("count", count)
        .with("addresses", addresses.number())
        .with("address", addresses.few())
        .message(format!("{count} {many} from {} addresses were refused: {detail}", addresses.number()))
}
