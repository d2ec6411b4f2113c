//! Getting into the console in a browser.

use super::browser::Browser;
use super::service::Service;

/// Signs the operator in by the link of the service's first start, which works once; comes to the choice of a password.
pub(crate) async fn sign_in(browser: &Browser, service: &Service) {
    let link = std::fs::read_to_string(service.folder.path().join("data/sign-in.url")).unwrap();
    browser.goto(link.trim().strip_prefix(&service.url).unwrap()).await;
    // By its place, not by its name: this is for every language.
    browser.click_css("main form button").await;
    browser.comes_to("/account/password").await;
}
