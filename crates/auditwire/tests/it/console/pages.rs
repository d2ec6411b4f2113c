//! Every page of the console, as every kind of visitor sees it: all can use it, it fits, nothing on it is forbidden.
//!
//! `cargo xtask screenshots` runs this suite to renew `docs/console/*.png`.

use crate::world::browser::{self, Browser, Options};
use crate::world::console::sign_in;
use crate::world::service::Service;

/// Name of the picture, and address.
type Page = (&'static str, &'static str);

/// For those who are not signed in.
const OUTSIDE: &[Page] = &[("sign-in", "/sign-in")];
/// For the operator.
const INSIDE: &[Page] = &[("password", "/account/password"), ("account", "/account"), ("projects", "/projects")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn light() {
    walk(Options::default(), async |browser, name| browser.screenshot_page(name).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dark() {
    walk(Options::default().dark(), async |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_telephone_in_russian() {
    walk(Options::default().narrow().language("ru"), async |browser, _| {
        assert_eq!(browser.attribute("html", "lang").await.as_deref(), Some("ru"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript() {
    walk(Options::default().narrow().without_javascript(), async |_, _| {}).await;
}

/// Opens every page and looks at it, also with eyes of the test's own.
async fn walk(options: Options, look: impl AsyncFn(&Browser, &str)) {
    let Some(chromium) = browser::chromium("the walk through the console's pages") else { return };
    let service = Service::start().await;
    let browser = chromium.open(&service.url, options).await;
    let visit = async |(name, path): Page| {
        browser.goto(path).await;
        assert_eq!(browser.path().await, path, "{name} leads elsewhere");
        browser.assert_accessible(name).await;
        browser.assert_fits(name).await;
        look(&browser, name).await;
        assert!(!browser.tab_stops().await.is_empty(), "{name} can be used by keyboard");
    };
    for page in OUTSIDE {
        visit(*page).await;
    }
    sign_in(&browser, &service).await;
    for page in INSIDE {
        visit(*page).await;
    }
    browser.finish().await;
}
