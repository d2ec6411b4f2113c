//! The event catalogue: every known event type with its source and an English title.
//!
//! The table is data (`data/catalogue.tsv`), read once. A title is static per event type and says for people what
//! happened; CEF sends it as the event's name. Where one action is reported with several HTTP methods, the method tells the
//! events apart.

mod qid;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use qid::qid_map;

/// One event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The service that reports it (`source.id`).
    pub source: &'static str,
    /// Its name (`action`); a URL template for some services.
    pub action: &'static str,
    /// The HTTP method, or method and path, where the service names one.
    pub http: Option<&'static str>,
    /// What happened, in English. At most 512 characters, no `|` and no control characters.
    pub title: &'static str,
}

impl Entry {
    /// The HTTP method, where the service names one.
    #[must_use]
    pub fn method(&self) -> Option<&'static str> {
        self.http.and_then(|http| http.split(' ').next())
    }
}

/// All event types, grouped by source.
#[must_use]
pub fn entries() -> &'static [Entry] {
    &CATALOGUE.entries
}

/// The title of an action whoever reports it. Where titles differ by source or method it names each of them once,
/// joined by ` / `, so that the title of an action never changes.
#[must_use]
pub fn title(action: &str) -> Option<&'static str> {
    CATALOGUE.titles.get(action).map(String::as_str)
}

/// What an event is called, for the second mapping of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// Tells one kind of deed from another and never changes: the action, or, where the HTTP method decides what was done,
    /// method and action: `DELETE /v2/shares/{share_id}`.
    pub id: &'a str,
    /// What happened, in English; the action where the catalogue does not know it.
    pub title: &'a str,
    /// The HTTP method, where the catalogue knows exactly one.
    pub method: Option<&'static str>,
}

/// What an action is called, reported by this source and with this HTTP method, where they are known. Where they do not say
/// which of several deeds it was, its title names each of them.
#[must_use]
pub fn named<'a>(action: &'a str, source: Option<&str>, method: Option<&str>) -> Named<'a> {
    let Some(deeds) = CATALOGUE.deeds.get(action) else { return Named { id: action, title: action, method: None } };
    if deeds.by_method.is_empty() {
        let of_source = deeds.by_source.iter().find(|(known, _)| Some(*known) == source);
        let title = of_source.map_or(deeds.title.as_str(), |(_, title)| title);
        return Named { id: action, title, method: deeds.method };
    }
    let Some(method) = method else { return Named { id: action, title: &deeds.title, method: None } };
    match deeds.by_method.iter().find(|deed| deed.method.eq_ignore_ascii_case(method)) {
        Some(deed) => Named { id: &deed.id, title: deed.title, method: Some(deed.method) },
        // None of those that the titles name.
        None => Named { id: action, title: action, method: None },
    }
}

/// The HTTP method of an action, where the catalogue knows exactly one.
#[must_use]
pub fn method(action: &str) -> Option<&'static str> {
    CATALOGUE.methods.get(action).copied()
}

/// The event type of this source, action and, where it matters, HTTP method. Without a method the first one counts.
#[must_use]
pub fn find(source: &str, action: &str, method: Option<&str>) -> Option<&'static Entry> {
    let mut known = entries().iter().filter(|entry| entry.source == source && entry.action == action);
    match method {
        None => known.next(),
        Some(_) => known.find(|entry| entry.method().is_none() || entry.method() == method),
    }
}

struct Catalogue {
    entries: Vec<Entry>,
    titles: HashMap<&'static str, String>,
    /// Only actions with exactly one.
    methods: HashMap<&'static str, &'static str>,
    deeds: HashMap<&'static str, Deeds>,
}

/// What one action can mean.
#[derive(Debug, Default)]
struct Deeds {
    title: String,
    method: Option<&'static str>,
    /// Where the method decides.
    by_method: Vec<Deed>,
    /// Where the source decides.
    by_source: Vec<(&'static str, &'static str)>,
}

#[derive(Debug)]
struct Deed {
    method: &'static str,
    id: String,
    title: &'static str,
}

fn deeds(entries: &[Entry], action: &'static str, title: &str, method: Option<&'static str>) -> Deeds {
    let known = || entries.iter().filter(|entry| entry.action == action);
    let mut deeds = Deeds { title: title.to_owned(), method, ..Deeds::default() };
    if !title.contains(" / ") {
        return deeds;
    }
    let with_method = known().filter_map(|entry| Some((entry.method()?, entry.title)));
    let deed = |(method, title)| Deed { method, id: format!("{method} {action}"), title };
    deeds.by_method = with_method.map(deed).collect();
    if deeds.by_method.is_empty() {
        deeds.by_source = known().map(|entry| (entry.source, entry.title)).collect();
    }
    deeds
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let entries: Vec<Entry> = include_str!("../data/catalogue.tsv").lines().skip(1).filter_map(entry).collect();
    let mut titles: HashMap<&'static str, String> = HashMap::new();
    for entry in &entries {
        let title = titles.entry(entry.action).or_default();
        if title.is_empty() {
            title.push_str(entry.title);
        } else if !title.split(" / ").any(|known| known == entry.title) {
            title.push_str(" / ");
            title.push_str(entry.title);
        }
    }
    let mut methods: HashMap<_, Option<_>> = HashMap::new();
    for entry in &entries {
        let known = methods.entry(entry.action).or_insert(entry.method());
        *known = known.filter(|method| entry.method() == Some(method));
    }
    let methods: HashMap<_, _> = methods.into_iter().filter_map(|(action, method)| Some((action, method?))).collect();
    let deeds = titles
        .iter()
        .map(|(action, title)| (*action, self::deeds(&entries, action, title, methods.get(action).copied())));
    let deeds = deeds.collect();
    Catalogue { entries, titles, methods, deeds }
});

fn entry(line: &'static str) -> Option<Entry> {
    let mut cells = line.split('\t');
    let (source, action, http, title) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    Some(Entry { source, action, http: (!http.is_empty()).then_some(http), title })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn is_complete_and_unique() {
        let lines = include_str!("../data/catalogue.tsv").lines().count();
        assert_eq!(entries().len(), lines - 1, "every line of the table has four cells");
        let (own, reported): (Vec<&Entry>, Vec<&Entry>) =
            entries().iter().partition(|entry| entry.source == "auditwire");
        assert_eq!((own.len(), reported.len()), (33, 386));
        let count = |source: &str| reported.iter().filter(|entry| entry.source == source).count();
        let counts = ["iam", "nova", "cinder", "network", "octavia", "manila", "dns"].map(count);
        assert_eq!(counts, [9, 45, 55, 160, 46, 39, 32]);
        let keys: HashSet<_> = entries().iter().map(|entry| (entry.source, entry.action, entry.http)).collect();
        assert_eq!(keys.len(), entries().len());
    }

    #[test]
    fn titles_are_fit_for_every_format() {
        for entry in entries() {
            let title = title(entry.action).unwrap();
            for text in [entry.title, title] {
                assert!(text.chars().count() <= 512 && text.starts_with(char::is_uppercase), "{text}");
                assert!(!text.contains(['|', '\\', '=']) && !text.contains(char::is_control), "{text}");
                assert!(text.contains(' ') && text == text.trim() && text != entry.action, "{text}");
            }
            assert!(title.contains(entry.title));
            assert!(entry.method().is_none_or(|method| ["POST", "PUT", "DELETE"].contains(&method)));
        }
    }

    /// No two deeds have one name and title: what the title of an action joins, its source or its method tells apart.
    #[test]
    fn one_name_for_one_deed() {
        let joined: HashSet<&str> = entries()
            .iter()
            .map(|entry| entry.action)
            .filter(|action| title(action).unwrap().contains(" / "))
            .collect();
        assert_eq!(joined.len(), 11);
        for entry in entries() {
            let named = named(entry.action, Some(entry.source), entry.method());
            assert_eq!(named.title, entry.title);
            let decides = joined.contains(entry.action) && entry.method().is_some();
            let id =
                if decides { format!("{} {}", entry.method().unwrap(), entry.action) } else { entry.action.to_owned() };
            assert_eq!(named.id, id);
            assert!(named.id.chars().count() <= 255 && !named.id.ends_with('\\'), "LEEF takes no longer EventID");
        }
        let ids: HashSet<_> = entries()
            .iter()
            .map(|entry| named(entry.action, Some(entry.source), entry.method()))
            .map(|named| (named.id, named.title))
            .collect();
        let by_source = ["create-flavor", "update-flavor"];
        for (id, title) in &ids {
            let titles = ids.iter().filter(|(other, _)| other == id).count();
            assert!(titles == 1 || by_source.contains(id), "{id} is {title} and something else");
        }
    }

    #[test]
    fn names_what_nobody_tells_apart_by_all_its_titles() {
        let share = "/v2/shares/{share_id}";
        let joined = named(share, Some("manila"), None);
        assert_eq!((joined.id, joined.title, joined.method), (share, "Share updated / Share deleted", None));
        let deleted = named(share, None, Some("delete"));
        let expected = ("DELETE /v2/shares/{share_id}", "Share deleted", Some("DELETE"));
        assert_eq!((deleted.id, deleted.title, deleted.method), expected);
        assert_eq!(named(share, None, Some("GET")).title, share, "none of the two");
        assert_eq!(named("create-flavor", Some("octavia"), Some("POST")).title, "Load balancer flavor created");
        assert!(named("create-flavor", Some("other"), None).title.contains(" / "));
        assert_eq!(named("no-such-action", None, None).title, "no-such-action");
    }

    #[test]
    fn finds_by_action_source_and_method() {
        assert_eq!(title("create-vm"), Some("Virtual machine created"));
        assert_eq!(title("create-security-group"), Some("Security group created"));
        assert_eq!(title("create-flavor"), Some("Network service flavor created / Load balancer flavor created"));
        assert_eq!(title("/v2/shares/{share_id}"), Some("Share updated / Share deleted"));
        assert_eq!(title("no-such-action"), None);
        let title = |source, action, method| find(source, action, method).map(|entry| entry.title);
        assert_eq!(title("octavia", "create-flavor", None), Some("Load balancer flavor created"));
        assert_eq!(title("manila", "/v2/shares/{share_id}", Some("DELETE")), Some("Share deleted"));
        assert_eq!(title("manila", "/v2/shares/{share_id}", Some("GET")), None);
        assert_eq!(title("nova", "create-vm", Some("POST")), Some("Virtual machine created"));
        assert_eq!(title("dns", "ACTION_AAAA_RECORD_CREATE", Some("POST")), Some("DNS AAAA record created"));
        assert_eq!(title("nova", "user-signin", None), None);
    }
}
