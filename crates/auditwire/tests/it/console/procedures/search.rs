//! Searching the Event log: a query typed with suggestions, one that is wrong, an interval of the histogram, values that are
//! clicked.

use serde_json::{Value, json};

use super::SUITE;
use crate::world::browser::{self, Browser, Options};
use crate::world::console::sign_in;
use crate::world::service::{EVENTS, Service};

const LOG: &str = "/projects/default/events";

/// An operator who has the Event log with a day of events before them.
async fn open(options: Options) -> Option<(Service, Browser)> {
    let chromium = browser::chromium(SUITE)?;
    let service = Service::start().await;
    let browser = chromium.open(&service.url, options).await;
    sign_in(&browser, &service).await;
    let event = |n: usize| {
        let (action, severity) = [("user-signin", "INFO"), ("create-vm", "NOTICE"), ("delete-vm", "ERROR")][n % 3];
        json!({ "action": action, "severity": severity, "source": { "id": (["iam", "nova"][n % 2]) },
            "subject": { "user_id": (["ann", "petr"][n % 2]) }, "message": format!("number {n}") })
    };
    service.post(EVENTS, &(0..12).map(event).collect::<Value>()).await.expect(200);
    browser.goto(LOG).await;
    Some((service, browser))
}

/// Rows that the table has now.
async fn rows(browser: &Browser) -> u64 {
    browser.execute("return document.querySelectorAll('#events tr.event').length").await.as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_typed_with_suggestions() {
    let Some((_service, browser)) = open(Options::default()).await else { return };
    browser.wait_text("#found", "events").await;
    browser.tab_to("Search in the Event log").await;
    browser.type_text("sev").await;
    browser.wait_text("[role=listbox]", "severity").await;
    browser.assert_accessible("the search line with suggestions").await;
    assert_eq!(browser.attribute("#q", "aria-expanded").await.as_deref(), Some("true"));
    browser.press("ArrowDown").await;
    let marked = browser.attribute("#q", "aria-activedescendant").await.unwrap();
    assert_eq!(browser.text(&format!("#{marked}")).await, "severity");
    browser.press("Enter").await;
    assert_eq!(browser.value("Search in the Event log").await, "severity ");
    browser.type_text(">= ER").await;
    browser.wait_text("[role=listbox]", "ERROR").await;
    browser.press("ArrowDown").await;
    browser.press("Tab").await;
    assert_eq!(browser.value("Search in the Event log").await, "severity >= ERROR ");
    // Values that occur, and how often.
    browser.type_text("source.id = ").await;
    browser.wait_text("[role=listbox]", "nova").await;
    browser.press("Escape").await;
    browser.absent("[role=listbox]").await;
    browser.type_text("nova").await;
    browser.press("Escape").await;
    browser.press("Enter").await;
    browser.comes_to(&format!("{LOG}?q=severity+%3E%3D+ERROR+source.id+%3D+nova")).await;
    browser.wait_text("#found", "2 events").await;
    assert_eq!(rows(&browser).await, 2);
    assert_eq!(browser.focused().await, "combobox \"Search in the Event log\"", "one goes on typing");
    browser.assert_accessible("the Event log with numbers and a histogram").await;
    browser.assert_fits("the Event log with a query").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_query_is_explained_and_repaired() {
    let Some((_service, browser)) = open(Options::default().narrow()).await else { return };
    browser.fill("Search in the Event log", "sorce.id = iam").await;
    browser.press("Escape").await;
    browser.press("Enter").await;
    browser.sees("The query cannot be read").await;
    assert_eq!(rows(&browser).await, 0, "nothing passes for its answer");
    assert_eq!(browser.text("#q-error mark").await, "sorce.id");
    assert_eq!(browser.attribute("#q", "aria-invalid").await.as_deref(), Some("true"));
    browser.assert_accessible("a wrong query").await;
    browser.assert_fits("a wrong query").await;
    browser.click("source.id").await;
    browser.comes_to(&format!("{LOG}?q=source.id+%3D+iam")).await;
    browser.absent("#q-error").await;
    browser.wait_text("#found", "6 events").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interval_of_the_histogram_is_selected() {
    let Some((_service, browser)) = open(Options::default()).await else { return };
    browser.wait("svg.histogram .bucket a").await;
    // From the middle to behind its last bar.
    browser.drag("svg.histogram", (0.5, 0.5), (0.999, 0.5)).await;
    let address = browser.comes_to(&format!("{LOG}?from=")).await;
    assert!(address.contains("&to="), "{address}");
    browser.wait("svg.histogram .bucket a").await;
    assert_eq!(rows(&browser).await, 12);
    // By keyboard: the bars are one stop; Shift and the arrows extend what Enter selects.
    browser.execute("document.querySelector('svg.histogram a[tabindex=\"0\"]').focus()").await;
    for _ in 0..3 {
        browser.press("Shift+ArrowLeft").await;
    }
    let width = browser.attribute("svg.histogram .selection", "width").await.unwrap();
    assert_ne!(width, "0");
    browser.execute("document.querySelector('svg.histogram').id = 'before'").await;
    browser.press("Enter").await;
    browser.absent("#before").await;
    browser.wait("svg.histogram .bucket a").await;
    assert_ne!(browser.path().await, address);
    assert_eq!(rows(&browser).await, 12);
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_is_clicked_to_find_more_of_it() {
    let Some((_service, browser)) = open(Options::default()).await else { return };
    browser.row("number 6").click("user-signin").await;
    browser.wait("dialog[open] .event-json").await;
    browser.assert_accessible("an event over the list").await;
    browser.click("Only subject.user_id = ann").await;
    browser.absent("dialog").await;
    browser.comes_to(&format!("{LOG}?q=subject.user_id+%3D+ann")).await;
    browser.wait_text("#found", "6 events").await;
    // The values of a filter come with their numbers when its menu is opened.
    browser.click("Action").await;
    browser.wait_text(".filter-menu[open] .menu-choices", "create-vm 2").await;
    browser.choose("create-vm 2").await;
    browser.press("Escape").await;
    browser.comes_to(&format!("{LOG}?q=subject.user_id+%3D+ann&action=create-vm")).await;
    browser.wait_text("#found", "2 events").await;
    browser.click("As a query").await;
    browser.comes_to(&format!("{LOG}?q=subject.user_id+%3D+ann+AND+action+%3D+%22create-vm%22")).await;
    browser.wait_text("#found", "2 events").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_filters_by_a_query_that_is_previewed() {
    let Some((_service, browser)) = open(Options::default()).await else { return };
    browser.goto("/projects/default/settings/siem/new").await;
    browser.choose("Query filter").await;
    // The rows write the text.
    browser.fill("Parameter, row 1", "source.id").await;
    browser.fill("Value, row 1", "nova").await;
    browser.click("Write the query").await;
    browser.wait_text("#filter-meaning", "source.id = nova").await;
    assert_eq!(browser.value("Query").await, "source.id = nova");
    browser.fill("Query", "source.id = nova AND sevrity = ERROR").await;
    browser.press("Escape").await;
    browser.wait_text("#filter-meaning mark", "sevrity").await;
    browser.assert_accessible("a wrong query in the form of a connection").await;
    browser.click("Correct it").await;
    browser.wait_text("#filter-meaning", "source.id = nova AND severity = ERROR").await;
    browser.click("Preview").await;
    browser.wait_text("#preview", "2 of 12 events of the last 24 hours would be sent").await;
    assert_eq!(browser.texts("#preview .messages > li").await.len(), 2);
    browser.assert_accessible("the form of a connection with a preview").await;
    browser.assert_fits("the form of a connection with a preview").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript_the_page_brings_its_numbers() {
    let Some((_service, browser)) = open(Options::default().without_javascript().narrow()).await else { return };
    browser.fill("Search in the Event log", "severity = ERROR").await;
    browser.press("Enter").await;
    browser.comes_to(&format!("{LOG}?")).await;
    assert_eq!(rows(&browser).await, 4);
    browser.click("Show numbers and histogram").await;
    browser.sees("4 events").await;
    browser.wait("svg.histogram .bucket a").await;
    browser.assert_fits("the Event log with its numbers, without JavaScript").await;
    browser.finish().await;
}
