//! Events: in, and out again.

mod beside;
mod cursor;
mod delivery;
mod export;
mod page;
mod post;
mod range;
mod search;
mod tail;

pub(super) use beside::{count_events, events_facets, events_histogram, number};
pub(super) use delivery::{__path_event_delivery, event_delivery};
pub(super) use export::export_events;
pub(super) use page::{get_event, list_events};
pub(super) use post::post_events;
pub(crate) use range::Params;
pub(super) use search::search_events;
pub(super) use tail::tail_events;
pub(super) use {
    beside::{__path_count_events, __path_events_facets, __path_events_histogram},
    export::__path_export_events,
    page::{__path_get_event, __path_list_events},
    post::__path_post_events,
    search::__path_search_events,
    tail::__path_tail_events,
};
