//! Signing in and out, the account, projects.

use std::time::Duration;

use super::{Browser, link};
use crate::service::Service;

const PASSWORD: &str = "a sentence is easier to remember";

#[tokio::test]
async fn from_the_first_link_to_a_password_and_back() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get("/account/password").await;
    assert!(!page.is(200).text().contains("f-current"), "nothing to ask for yet");
    let refused = browser.submit(&page, "/account/password", &[("new", PASSWORD), ("again", "something else")]).await;
    assert!(refused.is(422).text().contains("The two passwords differ."));
    let refused = browser.submit(&page, "/account/password", &[("new", "short"), ("again", "short")]).await;
    assert!(refused.is(422).text().contains("aria-invalid"), "{}", refused.text());
    let set = browser.submit(&page, "/account/password", &[("new", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(set.is(303).header("location"), "/");
    assert!(browser.get("/account").await.is(200).text().contains("The password is saved."), "told once");
    let page = browser.get("/account").await;
    assert!(!page.is(200).text().contains("The password is saved."), "and not twice");
    browser.submit(&page, "/sign-out", &[]).await.is(303);
    let kept = browser.get("/projects").await;
    assert_eq!(kept.is(303).header("location"), "/sign-in?next=%2Fprojects");

    let page = browser.get("/sign-in?next=%2Fprojects").await;
    let action = "/sign-in?language=en";
    let wrong = browser.submit(&page, action, &[("name", "operator"), ("password", "wrong")]).await;
    assert!(wrong.is(401).text().contains("role=\"alert\""), "{}", wrong.text());
    let entered = browser.submit(&wrong, action, &[("name", "operator"), ("password", PASSWORD)]).await;
    assert_eq!(entered.is(303).header("location"), "/projects");
    browser.get("/projects").await.is(200);
}

#[tokio::test]
async fn a_link_works_once_and_for_half_an_hour_and_looking_at_it_does_not_use_it_up() {
    let service = Service::start().await;
    let key = link(&service).await;
    let path = format!("/sign-in/link?key={key}");
    let (mut one, mut two) = (Browser::new(&service), Browser::new(&service));
    let (first, second) = (one.get(&path).await, two.get(&path).await);
    one.submit(first.is(200), "/sign-in/link", &[]).await.is(303);
    let late = two.submit(second.is(200), "/sign-in/link", &[]).await;
    assert!(late.is(410).text().contains("used up or too old"));
    let key = link(&service).await;
    service.clock.advance(Duration::from_secs(1801));
    two.get(&format!("/sign-in/link?key={key}")).await.is(410);
}

#[tokio::test]
async fn preferences_decide_language_zone_and_colours() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get("/account").await;
    let wrong = browser.submit(&page, "/account", &[("zone", "Mars/Olympus")]).await;
    assert!(wrong.is(422).text().contains("There is no zone of this name."));
    let chosen = [("language", "ru"), ("theme", "dark"), ("zone", "Asia/Vladivostok")];
    browser.submit(&page, "/account", &chosen).await.is(303);
    let page = browser.get("/projects").await.is(200).text();
    assert!(page.contains("<html lang=\"ru\" data-theme=\"dark\">"), "{page}");
    assert!(page.contains("2026-11-22 20:00:00 +10:00 (Asia/Vladivostok)"), "{page}");
}

#[tokio::test]
async fn who_is_not_signed_in_reads_the_language_of_the_browser_and_may_choose() {
    let service = Service::start().await;
    let mut browser = Browser::new(&service);
    browser.language = "ru-RU,ru;q=0.9";
    let page = browser.get("/sign-in").await;
    assert!(page.is(200).text().contains("Имя учётной записи"));
    assert!(page.text().contains("href=\"/sign-in?language=en\""), "{}", page.text());
    assert!(browser.get("/sign-in?language=en").await.text().contains("Account name"));
}

#[tokio::test]
async fn projects_are_created_and_switched() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get("/projects").await;
    let wrong = browser.submit(&page, "/projects", &[("name", "Payments <b>"), ("id", "Bad Id")]).await;
    let text = wrong.is(422).text();
    assert!(text.contains("id=\"f-id-error\"") && text.contains("value=\"Payments &#60;b&#62;\""), "{text}");
    let made = browser.submit(&page, "/projects", &[("name", "Payments <b>"), ("id", "payments")]).await;
    assert_eq!(made.is(303).header("location"), "/projects/payments/events");
    let page = browser.get("/projects").await.is(200).text();
    assert!(page.contains("Project Payments &#60;b&#62; is created.") && !page.contains("<b>"), "{page}");
    let again = browser.get("/projects").await;
    let taken = browser.submit(&again, "/projects", &[("name", "Other"), ("id", "payments")]).await;
    assert!(taken.is(422).text().contains("f-id-error"));
}
