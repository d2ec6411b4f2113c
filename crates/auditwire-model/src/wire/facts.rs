//! What CEF and LEEF of the second mapping tell of an event in keys of their own and not in its metadata: found in one pass,
//! so that a message costs no more than it has keys.

use super::address::Address;
use super::render::Renderer;
use crate::catalogue::{self, Named};
use crate::connection::MetadataOf;
use crate::event::EventView;

/// A metadata key and its value.
type Pair<'a> = Option<(&'a str, &'a str)>;

/// Facts that stand in metadata.
pub(super) struct Facts<'a> {
    /// What the event is called.
    pub(super) named: Named<'a>,
    user: Pair<'a>,
    subject_client: Pair<'a>,
    resource_client: Pair<'a>,
    service: Pair<'a>,
    method: Pair<'a>,
    url: Pair<'a>,
    resource_name: Pair<'a>,
    resource_address: Pair<'a>,
    /// The resource is somebody who can act.
    pub(super) is_account: bool,
    /// What the format shows nothing of.
    blank: fn(&str) -> bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(event: &EventView<'a>, blank: fn(&str) -> bool) -> Self {
        let mut facts = Self {
            named: Named { id: event.action, title: event.action, method: None },
            user: event.user().filter(|(_, name)| !blank(name)),
            subject_client: None,
            resource_client: None,
            service: None,
            method: None,
            url: None,
            resource_name: None,
            resource_address: None,
            is_account: event.resource_type.is_some_and(is_account),
            blank,
        };
        let seen = |(key, value)| if blank(value) { None } else { Some((key, value)) };
        for pair in event.subject_metadata.iter().filter(|(key, _)| *key == "user_agent") {
            facts.subject_client = seen(pair);
        }
        // In the order of their keys: the first of two that mean the same stays, unless the second is the better one.
        for pair in event.resource_metadata.iter() {
            let (place, better) = match pair.0 {
                "service_id" => (&mut facts.service, true),
                "http_method" | "method" => (&mut facts.method, false),
                "uri" | "url" => (&mut facts.url, false),
                "user_agent" => (&mut facts.resource_client, true),
                "email" | "name" if facts.is_account => (&mut facts.resource_name, false),
                "address" | "ip" | "ip_address" => (&mut facts.resource_address, false),
                _ => continue,
            };
            if better || place.is_none() {
                *place = seen(pair);
            }
        }
        facts.named = catalogue::named(event.action, event.source_id, value(facts.method));
        facts
    }

    pub(super) fn user(&self) -> Option<&'a str> {
        value(self.user)
    }

    pub(super) fn client(&self) -> Option<&'a str> {
        value(self.subject_client.or(self.resource_client))
    }

    pub(super) fn service(&self) -> Option<&'a str> {
        value(self.service)
    }

    pub(super) fn url(&self) -> Option<&'a str> {
        value(self.url)
    }

    /// The HTTP method that the source tells, else the only one that the catalogue knows.
    pub(super) fn method(&self) -> Option<&'a str> {
        value(self.method).or(self.named.method)
    }

    /// Who is acted on, for people.
    pub(super) fn target(&self) -> Option<&'a str> {
        value(self.resource_name)
    }

    /// Where what is acted on is, if that is an address.
    pub(super) fn target_address(&self) -> Option<&'a str> {
        value(self.resource_address).filter(|text| Address::of(text) != Address::Name)
    }

    /// True for a pair of the subject's metadata that stands under another key.
    pub(super) fn carries_of_subject(&self, renderer: &Renderer, key: &str, value: &str) -> bool {
        is(self.user, key) || is(self.subject_client, key) || self.is_chosen(renderer, MetadataOf::Subject, key, value)
    }

    /// As [`carries_of_subject`](Self::carries_of_subject), for the resource. `service`: its service has a key.
    pub(super) fn carries_of_resource(&self, renderer: &Renderer, service: bool, key: &str, value: &str) -> bool {
        (service && is(self.service, key))
            || is(self.method, key)
            || is(self.url, key)
            || (self.subject_client.is_none() && is(self.resource_client, key))
            || is(self.resource_name, key)
            || self.is_chosen(renderer, MetadataOf::Resource, key, value)
    }

    fn is_chosen(&self, renderer: &Renderer, of: MetadataOf, key: &str, value: &str) -> bool {
        renderer.chosen.iter().any(|chosen| chosen.of == of && chosen.key == key) && !(self.blank)(value)
    }
}

fn value(pair: Pair<'_>) -> Option<&str> {
    pair.map(|(_, value)| value)
}

fn is(pair: Pair<'_>, key: &str) -> bool {
    pair.is_some_and(|(carried, _)| carried == key)
}

fn is_account(kind: &str) -> bool {
    ["user", "account"].iter().any(|account| kind.eq_ignore_ascii_case(account))
}
