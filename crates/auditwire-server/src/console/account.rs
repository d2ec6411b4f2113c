//! The account's own settings: language, appearance, time zone, password.

use askama::Template;
use auditwire_engine::people;
use auditwire_engine::records::{Preferences, Theme};
use auditwire_engine::secrets::Secret;
use axum::http::StatusCode;
use axum::response::Response;

use super::form::{FormErrors, Posted};
use super::notice::Notice;
use super::page::{Frame, Section, done, page};
use super::who::Visitor;
use super::words::Language;
use super::{time, urls};
use crate::api::Problem;

#[derive(Template)]
#[template(path = "account/account.html")]
struct AccountPage {
    frame: Frame,
    errors: FormErrors,
    action: &'static str,
    password: &'static str,
    languages: Vec<(&'static str, &'static str)>,
    chosen_language: String,
    chosen_zone: String,
    zones: Vec<String>,
    has_password: bool,
}

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    frame: Frame,
    errors: FormErrors,
    action: &'static str,
    name: String,
    needs_current: bool,
}

/// `GET /account`.
pub(super) async fn show(visitor: Visitor) -> Result<Response, Problem> {
    let zone = visitor.signed_in.account.preferences.zone.clone().unwrap_or_default();
    account_page(&visitor, StatusCode::OK, FormErrors::none(), zone)
}

fn account_page(visitor: &Visitor, status: StatusCode, errors: FormErrors, zone: String) -> Result<Response, Problem> {
    let account = &visitor.signed_in.account;
    let frame = Frame::new(visitor, Section::Account, visitor.guest.words.t("account-title"));
    let template = AccountPage {
        frame,
        errors,
        action: urls::ACCOUNT,
        password: urls::PASSWORD,
        languages: Language::ALL.map(|l| (l.tag(), l.own_name())).to_vec(),
        chosen_language: account.preferences.language.clone().unwrap_or_default(),
        chosen_zone: zone,
        zones: time::zones(),
        has_password: account.password.is_some(),
    };
    page(visitor, status, &template)
}

/// `POST /account`.
pub(super) async fn save(Posted { by: visitor, form }: Posted<Visitor>) -> Result<Response, Problem> {
    let filled = |name: &str| Some(form.text(name).to_owned()).filter(|text| !text.is_empty());
    let preferences = Preferences {
        language: filled("language"),
        zone: filled("zone"),
        theme: match form.text("theme") {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        },
    };
    if preferences.zone.as_deref().is_some_and(|zone| time::zone(zone).is_none()) {
        let errors = FormErrors::none().and("zone", visitor.guest.words.t("account-zone-unknown"));
        return account_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, errors, form.text("zone").to_owned());
    }
    people::set_preferences(visitor.engine(), &visitor.signed_in, preferences).await?;
    Ok(done(&visitor.guest, urls::ACCOUNT, Some(&Notice::new("preferences-saved", ""))))
}

/// `GET /account/password`.
pub(super) async fn password_form(visitor: Visitor) -> Result<Response, Problem> {
    password_page(&visitor, StatusCode::OK, FormErrors::none())
}

fn password_page(visitor: &Visitor, status: StatusCode, errors: FormErrors) -> Result<Response, Problem> {
    let account = &visitor.signed_in.account;
    let title = if account.password.is_some() { "password-title-change" } else { "password-title-set" };
    let frame = Frame::new(visitor, Section::Account, visitor.guest.words.t(title));
    let needs_current = visitor.signed_in.current_password_needed;
    let template = PasswordPage { frame, errors, action: urls::PASSWORD, name: account.name.clone(), needs_current };
    page(visitor, status, &template)
}

/// `POST /account/password`.
pub(super) async fn set_password(Posted { by: visitor, form }: Posted<Visitor>) -> Result<Response, Problem> {
    let words = visitor.guest.words;
    let secret = |name: &str| Secret::new(form.raw(name).as_bytes().to_vec());
    if form.raw("new") != form.raw("again") {
        let errors = FormErrors::none().and("again", words.t("password-differs"));
        return password_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, errors);
    }
    let current = Some(secret("current")).filter(|c| !c.expose().is_empty());
    let (engine, new) = (visitor.engine(), secret("new"));
    let set = people::set_password(engine, &visitor.signed_in, current.as_ref(), &new, &visitor.session);
    match set.await {
        Ok(()) => Ok(done(&visitor.guest, urls::HOME, Some(&Notice::new("password-saved", "")))),
        Err(error) => {
            let problem = Problem::from(error);
            let errors = FormErrors::of_problem(words, &problem)?;
            password_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, errors)
        }
    }
}
