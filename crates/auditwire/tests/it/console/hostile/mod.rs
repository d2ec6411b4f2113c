//! Hostile texts in events, names and addresses change nothing on any page: no script of theirs runs, they make no element, they
//! do not move the page, and it stays small and usable.

mod connections;
mod events;
mod texts;

use serde_json::Value;

use crate::world::browser::Browser;
use crate::world::service::Service;

/// The most that a first visit may take on the network.
const WEIGHT: u64 = 100 << 10;

/// Creates a project with this name.
async fn project(service: &Service, id: &str, name: &str) {
    service.post("/api/v1/projects", &serde_json::json!({ "id": id, "name": name })).await.expect(201);
}

/// Posts events of which each is taken.
async fn send(service: &Service, project: &str, events: &[Value]) {
    let path = format!("/api/v1/projects/{project}/events");
    // A body is limited to a few MiB; these are large.
    for event in events.chunks(10) {
        let answer = service.post(&path, &Value::from(event.to_vec())).await.expect(200);
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&event.len().into(), &Value::Array(Vec::new())));
    }
}

/// All elements of the page with their attributes; the values of those that hold foreign text are left out, and so are ids
/// of projects and connections. The histogram is left out: its bars are times, which differ, and hold no foreign text.
async fn elements(browser: &Browser) -> Vec<Value> {
    browser.execute(ELEMENTS).await.as_array().unwrap().clone()
}

const ELEMENTS: &str = "
    const free = new Set(['value', 'href', 'title', 'datetime', 'action', 'formaction', 'aria-label', 'data-tail', 'data-event']);
    const plain = value => value.replace(/c-[0-9a-f]{12}/g, 'ID').replace(/projects.[a-z]+/g, 'PROJECT');
    return [...document.querySelectorAll('*')].filter(element => !element.closest('svg.histogram'))
      .map(element => [element.localName, ...[...element.attributes]
      .map(({ name, value }) => free.has(name) ? name : `${name}=${plain(value)}`).sort()].join(' '));";

/// Fails unless the page is, but for its texts, the one with harmless texts.
#[track_caller]
fn assert_same(page: &str, hostile: &[Value], harmless: &[Value]) {
    let differs = hostile.iter().zip(harmless).position(|(one, other)| one != other);
    let at = differs.or((hostile.len() != harmless.len()).then_some(hostile.len().min(harmless.len())));
    if let Some(at) = at {
        let around = |all: &[Value]| all[at.saturating_sub(3)..all.len().min(at + 3)].to_vec();
        panic!(
            "{page}: element {at} differs:\n{:#?}\nbut with harmless texts\n{:#?}",
            around(hostile),
            around(harmless)
        );
    }
}

/// What must hold of every page that shows hostile texts.
#[track_caller]
fn assert_unmoved(browser: &Browser, page: &str) -> impl Future<Output = ()> {
    let at = std::panic::Location::caller();
    async move {
        let wrong = browser.execute(WRONG).await;
        assert_eq!(wrong, Value::Array(Vec::new()), "{at}: {page}");
        browser.assert_fits(page).await;
    }
}

/// Signs of a script that ran, of addresses that lead away, and of characters that nobody can see.
const WRONG: &str = r"
    const wrong = [];
    if (window.owned !== undefined || document.title === 'owned') wrong.push('a script ran');
    if (document.querySelector('#owned, iframe, object, embed, base, body script')) wrong.push('an element was made');
    for (const element of document.querySelectorAll('[href], [action], [src], [formaction]')) {
      for (const name of ['href', 'action', 'src', 'formaction']) {
        const address = element.getAttribute(name);
        if (address !== null && new URL(address, location.href).origin !== location.origin) wrong.push(`leads to ${address.slice(0, 80)}`);
      }
    }
    for (const element of document.querySelectorAll('*')) {
      for (const { name } of element.attributes) if (name.startsWith('on') || name === 'style') wrong.push(`${element.localName} has ${name}`);
    }
    const hidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
    const seen = hidden.exec(document.body.innerText + document.title);
    if (seen) wrong.push('shows U+' + seen[0].codePointAt(0).toString(16));
    return wrong;";
