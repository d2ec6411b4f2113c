//! Event log → Settings → Alerts without script: what is wrong, when somebody is told, and the webhook.

use auditwire_engine::alerts::AlertKind;
use serde_json::json;

use super::Browser;
use super::banner::alerts;
use super::siem::read;
use crate::service::Service;
use crate::webhook::{Hook, OK, SECRET, WEBHOOK};

const PAGE: &str = "/projects/default/settings/alerts";

#[tokio::test]
async fn open_alerts_say_since_when_and_what_to_do_and_the_limits_are_told() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let siem = browser.get("/projects/default/settings/siem").await;
    assert!(siem.is(200).text().contains(&format!("href=\"{PAGE}\"")), "a tab leads there");
    let text = read(browser.get(PAGE).await.is(200));
    assert!(text.contains("Nothing needs you") && text.contains("degraded or failing for 5 min."), "{text}");
    assert!(text.contains("90 % of the time") && text.contains("in 30, 14, 7, 1 days"), "{text}");
    alerts(&service, AlertKind::DeliveryDegraded, 5).await;
    let page = browser.get(PAGE).await;
    let text = read(page.is(200));
    assert_eq!(text.matches("Events do not reach the SIEM as they should").count(), 5, "each once: {text}");
    assert!(text.contains("&#60;b&#62;what&#60;/b&#62;") && text.contains("Nothing is lost while the log keeps them"));
    assert!(page.text().contains("href=\"/projects/default/settings/siem/connections/c-4/delivery\""));
    browser.language = "ru";
    let russian = read(browser.get(PAGE).await.is(200));
    assert!(russian.contains("Открытые оповещения") && russian.contains("Вебхук не задан"), "{russian}");
    browser.get("/projects/other/settings/alerts").await.is(404);
    Browser::new(&service).get(PAGE).await.is(303);
}

#[tokio::test]
async fn a_webhook_is_set_its_secret_shown_once_changed_and_deleted() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(PAGE).await;
    let save = |url: &'static str| [("do", "save"), ("url", url)];
    let refused = browser.submit(&page, PAGE, &save("http://hooks.example.com/\"<b>")).await;
    let html = refused.is(400).text();
    assert!(
        html.contains("id=\"f-url-error\"") && html.contains("value=\"http://hooks.example.com/&#34;&#60;b&#62;\"")
    );
    service.get(WEBHOOK).await.is(404);
    let made = browser.submit(&page, PAGE, &save("https://hooks.example.com/x")).await;
    let html = made.is(200).text();
    let secret = html.split("id=\"webhook-secret\"").nth(1).and_then(|rest| rest.split("<code>").nth(1));
    let secret = secret.and_then(|rest| rest.get(..64)).expect("a secret").to_owned();
    assert!(secret.bytes().all(|byte| byte.is_ascii_hexdigit()), "{secret}");
    let again = browser.get(PAGE).await;
    assert!(!again.is(200).text().contains(&secret) && again.text().contains("https://hooks.example.com/…"));
    assert!(!again.text().contains("hooks.example.com/x"), "what follows the host is not shown");
    let short = browser.submit(&again, PAGE, &[("do", "save"), ("url", "https://h.test/"), ("secret", "sh0rt")]).await;
    assert!(short.is(400).text().contains("id=\"f-secret-error\"") && !short.text().contains("sh0rt"));
    let pem = [("do", "save"), ("url", "https://h.test/"), ("pem", "nonsense")];
    assert!(browser.submit(&again, PAGE, &pem).await.is(400).text().contains("id=\"f-pem-error\""));
    let saved = browser.submit(&again, PAGE, &save("https://hooks.example.com/y")).await;
    assert_eq!(saved.is(303).header("location"), PAGE);
    let text = read(browser.get(PAGE).await.is(200));
    assert!(text.contains("The webhook is saved") && text.contains("There was none yet"), "{text}");
    assert_eq!(service.get(WEBHOOK).await.is(200).json()["url"], "https://hooks.example.com/…");
    // Left empty, it stays.
    browser.submit(&again, PAGE, &[("do", "save"), ("url", "")]).await.is(303);
    assert_eq!(service.get(WEBHOOK).await.is(200).json()["url"], "https://hooks.example.com/…");
    browser.submit(&again, PAGE, &[("do", "delete")]).await.is(303);
    service.get(WEBHOOK).await.is(404);
    let without = [("do".to_owned(), "save".to_owned()), ("url".to_owned(), "https://h.test/".to_owned())];
    browser.post(PAGE, &without).await.is(403);
    service.get(WEBHOOK).await.is(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_shows_every_stage_and_what_to_do() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let hook = Hook::new(&["127.0.0.1"], OK).await;
    let page = browser.get(PAGE).await;
    let url = hook.url();
    let fields = [("do", "save"), ("url", url.as_str()), ("secret", SECRET), ("pem", hook.pem.as_str())];
    browser.submit(&page, PAGE, &fields).await.is(303);
    let page = browser.get(PAGE).await;
    assert!(page.is(200).text().contains("name=\"no_pem\"") && !page.text().contains(SECRET));
    let test = browser.submit(&page, PAGE, &[("do", "test")]).await;
    let text = read(test.is(200));
    for part in
        ["The test was taken", "Address", "Name resolution", "TLS handshake", "Answer : passed", "204", "Last call"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(hook.bodies()[0]["type"], "test");
    // Without its own certificates nobody vouches for it.
    browser.submit(&page, PAGE, &[("do", "save"), ("url", url.as_str()), ("no_pem", "on")]).await.is(303);
    let failed = browser.submit(&page, PAGE, &[("do", "test")]).await;
    let text = read(failed.is(200));
    assert!(text.contains("did not get through") && text.contains("cert_unknown_ca"), "{text}");
    assert_eq!(hook.bodies().len(), 1, "nothing was sent to it");
    let metrics = service.get("/metrics").await.is(200).text();
    for line in ["webhook_calls_total{result=\"taken\"} 1", "webhook_calls_total{result=\"failed\"} 1"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let body = json!({"url": "https://127.0.0.1:9/"});
    service.send("PUT", WEBHOOK, &[("content-type", "application/json")], body.to_string()).await.is(200);
    browser.language = "ru";
    let russian = read(browser.submit(&page, PAGE, &[("do", "test")]).await.is(200));
    assert!(russian.contains("Тест не прошёл") && russian.contains("В соединении отказано"), "{russian}");
    assert!(russian.contains("Проверьте порт в адресе"), "{russian}");
}
