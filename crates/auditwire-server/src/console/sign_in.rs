//! Signing in with a password or a one-time link, and signing out.

use askama::Template;
use auditwire_engine::people;
use auditwire_engine::secrets::Secret;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::cookies::Cookie;
use super::form::{Form, FormErrors, Posted};
use super::notice::Notice;
use super::page::{Frame, Section, add_cookie, done, go, page};
use super::urls;
use super::who::{Guest, Visitor};
use crate::api::Problem;

#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
struct SignInPage {
    frame: Frame,
    errors: FormErrors,
    action: String,
    name: String,
    next: String,
}

#[derive(Template)]
#[template(path = "sign_in/link.html")]
struct LinkPage {
    frame: Frame,
    valid: bool,
    key: String,
    action: &'static str,
    sign_in: &'static str,
}

/// `GET /sign-in?next=`.
pub(super) async fn form(guest: Guest, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let asked = Form::parse(query.unwrap_or_default().as_bytes());
    sign_in_page(&guest, StatusCode::OK, FormErrors::none(), "operator", asked.text("next"))
}

fn sign_in_page(
    guest: &Guest,
    status: StatusCode,
    errors: FormErrors,
    name: &str,
    next: &str,
) -> Result<Response, Problem> {
    let frame = Frame::new(guest, Section::Elsewhere, guest.words.t("sign-in"));
    let action = format!("{}?language={}", urls::SIGN_IN, guest.words.0.tag());
    page(guest, status, &SignInPage { frame, errors, action, name: name.to_owned(), next: next.to_owned() })
}

/// `POST /sign-in`.
pub(super) async fn sign_in(Posted { by: guest, form }: Posted<Guest>) -> Result<Response, Problem> {
    let password = Secret::new(form.raw("password").as_bytes().to_vec());
    match people::sign_in(guest.app.engine(), form.text("name"), &password, &guest.origin).await {
        Ok(session) => Ok(enter(&guest, &session.secret, local(form.text("next")))),
        Err(error) => {
            let problem = Problem::from(error);
            let status = problem.status();
            let errors = FormErrors::of_problem(guest.words, &problem)?;
            let mut response = sign_in_page(&guest, status, errors, form.text("name"), form.text("next"))?;
            response.extensions_mut().insert(super::failure::Written);
            response.extensions_mut().insert(problem);
            Ok(response)
        }
    }
}

/// `GET /sign-in/link?key=`: a page with a button, so that a program that looks at links does not use it up.
pub(super) async fn link(guest: Guest, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let key = Form::parse(query.unwrap_or_default().as_bytes()).text("key").to_owned();
    let valid = people::link_is_valid(guest.app.engine(), &key).await?;
    link_page(&guest, valid, key)
}

fn link_page(guest: &Guest, valid: bool, key: String) -> Result<Response, Problem> {
    let title = guest.words.t(if valid { "link-title" } else { "link-over-title" });
    let frame = Frame::new(guest, Section::Elsewhere, title);
    let status = if valid { StatusCode::OK } else { StatusCode::GONE };
    page(guest, status, &LinkPage { frame, valid, key, action: urls::SIGN_IN_LINK, sign_in: urls::SIGN_IN })
}

/// `POST /sign-in/link`.
pub(super) async fn sign_in_with_link(Posted { by: guest, form }: Posted<Guest>) -> Result<Response, Problem> {
    match people::sign_in_with_link(guest.app.engine(), form.text("key"), &guest.origin).await {
        Ok(session) => Ok(enter(&guest, &session.secret, urls::PASSWORD)),
        Err(error) if error.code == "link_invalid" => link_page(&guest, false, String::new()),
        Err(error) => Err(error.into()),
    }
}

fn enter(guest: &Guest, session: &Secret, next: &str) -> Response {
    let mut response = go(next);
    add_cookie(&mut response, guest.cookies.set(Cookie::Session, &String::from_utf8_lossy(session.expose())));
    add_cookie(&mut response, guest.cookies.clear(Cookie::Visit));
    response
}

/// Only a path of ours may be gone to: `//host` and `/\host` are other hosts for a browser.
fn local(next: &str) -> &str {
    let ours =
        next.starts_with('/') && !next.starts_with("//") && next.bytes().all(|c| c.is_ascii_graphic() && c != b'\\');
    if ours { next } else { urls::HOME }
}

/// `POST /sign-out`.
pub(super) async fn sign_out(Posted { by: visitor, .. }: Posted<Visitor>) -> Result<Response, Problem> {
    people::sign_out(visitor.engine(), &visitor.session, &visitor.guest.origin).await?;
    let mut response = done(&visitor.guest, urls::SIGN_IN, Some(&Notice::new("signed-out", "")));
    add_cookie(&mut response, visitor.guest.cookies.clear(Cookie::Session));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_back_only_to_pages_of_ours() {
        assert_eq!(local("/projects/default/events?x=1"), "/projects/default/events?x=1");
        for other in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:x", "/a\r\nb", "/\tb"]
        {
            assert_eq!(local(other), urls::HOME, "{other:?}");
        }
    }
}
