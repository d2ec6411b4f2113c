//! Saying what is at the other end: what it wants is set, what it reads wrongly is told, and how to set it up is shown.

use serde_json::json;

use super::SUITE;
use crate::world::browser::{self, Browser, Options};
use crate::world::console::sign_in;
use crate::world::service::{CONNECTIONS, EVENTS, Service};

const NEW: &str = "/projects/default/settings/siem/new";

/// The words of the form in one language.
struct Words {
    end: &'static str,
    apply: &'static str,
    point: &'static str,
    size: &'static str,
    cef: &'static str,
    leef: &'static str,
    not_discovered: &'static str,
    preview: &'static str,
    compare: &'static str,
    mappings: [&'static str; 2],
}

const ENGLISH: Words = Words {
    end: "What is at the other end?",
    apply: "Set what it wants",
    point: "Connection point",
    size: "Maximum message size, bytes",
    cef: "CEF (Common Event Format)",
    leef: "LEEF 2.0 (Log Event Extended Format)",
    not_discovered: "does not recognise CEF by itself",
    preview: "Preview",
    compare: "Show the latest messages in both",
    mappings: ["Mapping 1", "Mapping 2"],
};

const RUSSIAN: Words = Words {
    end: "Что на другом конце?",
    apply: "Задать нужное ему",
    point: "Адрес подключения",
    size: "Макс. размер сообщения, байт",
    cef: "CEF (Common Event Format)",
    leef: "LEEF 2.0 (Log Event Extended Format)",
    not_discovered: "сам CEF не распознаёт",
    preview: "Предпросмотр",
    compare: "Показать обе раскладки",
    mappings: ["Раскладка 1", "Раскладка 2"],
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_its_fields_in_english() {
    chooses(Options::default(), &ENGLISH, "light").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_its_fields_in_russian_on_a_telephone_in_the_dark() {
    chooses(Options::default().narrow().dark().language("ru"), &RUSSIAN, "narrow-dark").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_its_fields_without_javascript() {
    chooses(Options::default().without_javascript(), &ENGLISH, "bare").await;
}

async fn chooses(options: Options, words: &Words, name: &str) {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    let browser = chromium.open(&service.url, options).await;
    sign_in(&browser, &service).await;
    browser.goto(NEW).await;
    browser.fill(words.point, "qradar.example.com:5140").await;
    browser.select(words.end, "IBM QRadar").await;
    if !options.has_javascript() {
        browser.click(words.apply).await;
    }
    let shown = browser.wait_text("#receiver-setup pre", "Universal LEEF").await;
    assert!(shown.contains("5140"), "{shown}");
    assert!(browser.is_chosen(words.leef).await);
    assert_eq!(browser.value(words.size).await, "4096");
    assert_eq!(browser.value(words.point).await, "qradar.example.com:5140");
    browser.absent("#receiver-warnings .notice").await;
    browser.assert_accessible("the form with a receiver").await;
    browser.assert_fits("the form with a receiver").await;
    browser.screenshot_page(&format!("receiver-{name}")).await;

    // What it reads wrongly is told at once, or with the next answer.
    browser.choose(words.cef).await;
    if !options.has_javascript() {
        browser.click(words.preview).await;
    }
    browser.wait_text("#receiver-warnings", words.not_discovered).await;
    browser.wait_text("#receiver-setup pre", "Universal CEF").await;
    browser.screenshot_page(&format!("receiver-warned-{name}")).await;
    both_mappings(&browser, &service, options, words, name).await;
    browser.finish().await;
}

/// A connection of the first mapping is shown what each of them sends.
async fn both_mappings(browser: &Browser, service: &Service, options: Options, words: &Words, name: &str) {
    let event = json!({"action": "user-signin", "source": {"id": "iam"}, "status": {"code": "401"}});
    service.post(EVENTS, &event).await.expect(200);
    let body = json!({"name": "Old", "endpoint": "192.0.2.7:514", "receiver": "qradar", "options": {"mapping": 1}});
    let id = service.create(&body).await;
    browser.goto(&format!("/projects/default/settings/siem/connections/{id}")).await;
    browser.click(words.compare).await;
    browser.wait("#comparison .sides.two").await;
    let sides = browser.texts("#comparison li:first-child .side").await;
    assert_eq!(sides.len(), 2, "{sides:?}");
    for (side, mapping) in sides.iter().zip(words.mappings) {
        assert!(side.contains(mapping) && side.contains("LEEF:2.0|Auditwire"), "{side}");
    }
    browser.assert_accessible("both mappings").await;
    browser.assert_fits("both mappings").await;
    browser.screenshot_page(&format!("mappings-{name}")).await;
    if options.has_javascript() {
        assert!(browser.focused().await.contains(words.compare), "{}", browser.focused().await);
    }
    let stored = service.get(&format!("{CONNECTIONS}/{id}")).await.expect(200);
    assert_eq!(stored["options"]["mapping"], 1, "nothing is stored");
}
