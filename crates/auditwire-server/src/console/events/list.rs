//! The Event log's page: tabs, filters, table, pages.

use askama::Template;
use auditwire_engine::log::Damage;
use auditwire_engine::search::{self, Page};
use auditwire_engine::store::Order;
use auditwire_model::event::Plane;
use auditwire_model::{Position, Timestamp};
use axum::http::StatusCode;
use axum::response::Response;

use super::asked::Asked;
use super::beside::{Beside, Count};
use super::chart::Chart;
use super::hint;
use super::menus::{self, Menu, TimeMenu};
use super::query_of;
use super::range::{Quick, Range};
use super::row::{Row, Rows};
use super::sample::Origin;
use super::view::{PageSearch, Place, View};
use crate::api::Problem;
use crate::console::explain::Mistake;
use crate::console::form::FormErrors;
use crate::console::page::{Frame, Section, go, page};
use crate::console::urls::Urls;
use crate::console::visible::line;
use crate::console::who::InProject;
use crate::console::words::Words;

/// Rows of one page.
pub(super) const ROWS: usize = 50;
/// So many characters of a query are shown in a link.
const OR_SHOWN: usize = 160;
/// So many of a file's name.
const SEGMENT_SHOWN: usize = 120;
/// Seconds after which a live page without script loads itself again.
const RELOAD_SECONDS: u32 = 2;

#[derive(Template)]
#[template(path = "events/list.html")]
struct ListPage {
    frame: Frame,
    errors: FormErrors,
    links: Links,
    pages: Pages,
    is_data: bool,
    fields: Vec<(&'static str, String)>,
    time: TimeMenu,
    menus: Vec<Menu>,
    line: Line,
    /// When the page waited for them.
    count: Option<Count>,
    chart: Option<Chart>,
    filtered: bool,
    live: bool,
    ascending: bool,
    rows: Rows,
    partial: bool,
    /// The seconds that a search may take.
    seconds: String,
    /// Which events are missing, because the file that holds them is damaged or gone.
    unreadable: Vec<String>,
    empty: Option<Empty>,
}

/// The search line and what is said about it.
struct Line {
    text: String,
    mistake: Option<(Mistake, Option<String>)>,
    /// Where two values of one field, joined by AND, are joined by OR: the text, visible, and the address.
    or: Option<(String, String)>,
}

/// Addresses on the page, most of them of other views.
#[derive(Debug)]
struct Links {
    /// Where the form of the filters goes.
    list: String,
    control: String,
    data: String,
    settings: String,
    download: String,
    turned: String,
    live: String,
    not_live: String,
    stream: String,
    unfiltered: String,
    /// The filters as a part of the query; none without filters.
    as_query: Option<String>,
    all_time: String,
    count: String,
    histogram: String,
    complete: String,
    /// The page that waits for count, histogram and values.
    counting: String,
}

/// The pages beside this one.
#[derive(Debug, Default)]
struct Pages {
    /// The first page, when this is another one.
    first: Option<String>,
    newer: Option<String>,
    older: Option<String>,
}

/// Why there are no rows, and so what to do next.
#[derive(Debug)]
enum Empty {
    /// The log has no event at all; a command that sends one.
    Log { curl: String },
    /// The query is wrong; what, is told under it.
    Wrong,
    /// Nothing matches the filters, the range, or both.
    Nothing { filtered: bool, ranged: bool },
}

/// `GET /projects/{project}/events`.
pub(super) async fn list(by: InProject, origin: Origin) -> Result<Response, Problem> {
    let (engine, words, calendar, urls) = (by.engine(), by.words(), by.calendar(), by.urls());
    let asked = Asked::read(query_of(&by.visitor.guest.here), &calendar, words);
    let view = &asked.view;
    let now = engine.clock.now();
    // Before the search: what is committed after this comes by the live tail.
    let head = engine.log.head(&by.project.id);
    let PageSearch { search, reversed } = view.search(now, ROWS);
    let found = match asked.wrong {
        None => search::page(engine, by.caller(), &by.project.id, &search).await?,
        Some(_) => Page::default(),
    };
    if asked.wrong.is_none() && view.begins_anew(reversed, &found) {
        return Ok(go(&view.first().url(urls)));
    }
    let sources = search::sources(engine, by.caller(), &by.project.id).await?;
    let waits = view.counts && !view.live && asked.wrong.is_none();
    let beside = if waits { Some(Beside::load(&by, view).await?) } else { None };
    let (count, chart, counted) = match beside {
        Some(Beside { count, chart, choices }) => (Some(count), Some(chart), choices),
        None => (None, None, Vec::new()),
    };
    let rows = Row::of_page(&found, reversed, view, urls, &calendar);
    let newest = rows.iter().map(|row| row.seq).max().unwrap_or_default();
    let mut frame = Frame::new(&by, Section::Events, words.t("frame-event-log"));
    frame.reload = view.live.then_some(RELOAD_SECONDS);
    let whole = !found.partial && found.unreadable.is_empty();
    let nothing = rows.is_empty() && whole && (!view.live || asked.wrong.is_some());
    let template = ListPage {
        frame,
        links: Links::of(view, urls, newest.max(head)),
        pages: Pages::of(view, &rows, found.next, search.order, now, urls),
        is_data: view.plane == Plane::Data,
        fields: view.fields(),
        time: menus::time(&asked, urls, &calendar, words),
        menus: menus::filters(&asked, sources, counted, urls, words),
        line: Line::of(&asked, now, urls, words),
        count,
        chart,
        filtered: view.is_filtered(),
        live: view.live,
        ascending: view.shown_order() == Order::Ascending,
        partial: found.partial,
        seconds: engine.settings.search.time_max.as_secs().to_string(),
        unreadable: found.unreadable.iter().map(|damage| unreadable(damage, words)).collect(),
        empty: nothing.then(|| Empty::of(&asked, head, &origin, urls)),
        rows: Rows { words, rows },
        errors: asked.errors.clone(),
    };
    page(&by, StatusCode::OK, &template)
}

impl ListPage {
    /// The log has no event yet.
    fn is_new(&self) -> bool {
        matches!(self.empty, Some(Empty::Log { .. }))
    }

    /// The list as a file is known to end before the list does.
    fn is_cut(&self) -> bool {
        self.count.as_ref().is_some_and(|count| count.is_cut)
    }

    fn is_wrong(&self) -> bool {
        self.line.mistake.is_some()
    }
}

fn unreadable(damage: &Damage, words: Words) -> String {
    let segment = line(&damage.segment, SEGMENT_SHOWN);
    let values = [("from", damage.from.to_string()), ("to", damage.to.to_string()), ("segment", segment)];
    words.with_all("events-unreadable", &values)
}

impl Line {
    fn of(asked: &Asked, now: Timestamp, urls: Urls<'_>, words: Words) -> Self {
        let (view, text) = (&asked.view, asked.view.typed.text());
        let mistake = asked.wrong.as_ref().map(|error| {
            let mistake = Mistake::of(words, text, error);
            let repaired = mistake.repair.as_ref().map(|repair| view.typing(repair.query.clone()).url(urls));
            (mistake, repaired)
        });
        let or = hint::with_or(text, &asked.hints, view.at.unwrap_or(now));
        let or = or.map(|text| (line(&text, OR_SHOWN), view.typing(text).url(urls)));
        Self { text: text.to_owned(), mistake, or }
    }
}

impl Links {
    /// Seen from `view`; the live tail goes on after `seen`.
    fn of(view: &View, urls: Urls<'_>, seen: Position) -> Self {
        let turned = match view.order {
            Order::Ascending => Order::Descending,
            Order::Descending => Order::Ascending,
        };
        let first = view.first().address();
        Self {
            list: urls.events(),
            control: view.in_plane(Plane::Control).url(urls),
            data: view.in_plane(Plane::Data).url(urls),
            settings: urls.siem(),
            download: urls.download(&first),
            turned: view.ordered(turned).url(urls),
            live: view.going_live(true).url(urls),
            not_live: view.going_live(false).url(urls),
            stream: urls.live_events(&first, seen),
            unfiltered: view.unfiltered().url(urls),
            as_query: (!view.chosen.is_empty()).then(|| view.as_query().url(urls)),
            count: urls.count(&first),
            histogram: urls.histogram(&first),
            complete: urls.complete(&first),
            counting: view.counting().url(urls),
            all_time: view.in_range(Range::Quick(Quick::All)).url(urls),
        }
    }
}

impl Pages {
    /// Beside the page of `rows`, which was searched `towards` older or newer events and where the search goes on at `next`.
    fn of(view: &View, rows: &[Row], next: Option<Position>, towards: Order, now: Timestamp, urls: Urls<'_>) -> Self {
        if view.live {
            return Self::default();
        }
        let url = |place| view.at_place(place, now).url(urls);
        let seqs = || rows.iter().map(|row| row.seq);
        // Where the page was come from there is something, unless it is the first one.
        let back = view.place != Place::First;
        let (newer, older) = match towards {
            Order::Descending => (seqs().max().filter(|_| back), next),
            Order::Ascending => (next, seqs().min().filter(|_| back)),
        };
        Self {
            first: back.then(|| view.first().url(urls)),
            newer: newer.map(|seq| url(Place::After(seq))),
            older: older.map(|seq| url(Place::Before(seq))),
        }
    }
}

impl Empty {
    fn of(asked: &Asked, head: Position, origin: &Origin, urls: Urls<'_>) -> Self {
        let view = &asked.view;
        if asked.wrong.is_some() {
            return Self::Wrong;
        }
        if head == Position::ZERO && view.plane == Plane::Control {
            return Self::Log { curl: origin.curl(urls) };
        }
        Self::Nothing { filtered: view.is_filtered(), ranged: view.range != Range::Quick(Quick::All) }
    }
}
