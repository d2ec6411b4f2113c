//! A page = content + frame. Templates hold a [`Frame`]; the script asks for the content alone (`x-fragment`) and gets the same
//! template without what surrounds it.

use askama::Template;
use auditwire_engine::records::{Project, Theme};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::assets::{ASSETS, Assets};
use super::banner::{Banner, Ill, banners, ills};
use super::cookies::Cookie;
use super::csrf;
use super::notice::Notice;
use super::time::{Calendar, When};
use super::urls::{self, Urls};
use super::visible::visible;
use super::who::{Guest, Viewer, Visitor};
use super::words::{Language, Words};
use crate::api::Problem;

/// What the console's pages may do (issue: no inline script or style, nothing from elsewhere, no embedding).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// How many projects the switcher names; all of them are on the page of projects.
const PROJECTS_SHOWN: usize = 12;

/// The part of the console that a page belongs to, for the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Events,
    Settings,
    Projects,
    Connections,
    Account,
    /// Sign-in, problems.
    Elsewhere,
}

/// Everything around a page's content, and the helpers that every template uses.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) words: Words,
    pub(crate) title: String,
    pub(crate) section: Section,
    /// Only the content is wanted.
    pub(crate) fragment: bool,
    /// Seconds after which a page without script loads itself again.
    pub(crate) reload: Option<u32>,
    pub(crate) csrf: String,
    pub(crate) account: Option<String>,
    pub(crate) project: Option<Project>,
    pub(crate) others: Vec<Project>,
    pub(crate) more_projects: bool,
    /// Stands above projects.
    pub(crate) operates: bool,
    pub(crate) keys_beside_data: bool,
    /// What is wrong with the service itself; told to those who operate it.
    pub(crate) ills: Vec<Ill>,
    pub(crate) alerts: Vec<Banner>,
    pub(crate) more_alerts: u64,
    pub(crate) assets: &'static Assets,
    theme: Theme,
    notice: Option<Notice>,
    calendar: Calendar,
    here: String,
}

impl Frame {
    /// Around a page for this viewer; `title` is a text, not a key.
    pub(crate) fn new(viewer: &impl Viewer, section: Section, title: impl Into<String>) -> Self {
        let guest = viewer.guest();
        let projects = viewer.visitor().map_or(&[][..], |visitor| &visitor.projects);
        let current = viewer.project();
        let calendar = guest.calendar();
        let operates = viewer.visitor().is_some_and(Visitor::operates);
        let (alerts, more_alerts) = banners(viewer.alerts(), current, guest.words, &calendar);
        let others = projects.iter().filter(|p| current.is_none_or(|c| c.id != p.id));
        Self {
            words: guest.words,
            title: title.into(),
            section,
            fragment: guest.fragment,
            reload: None,
            csrf: csrf::token(viewer.csrf_cookie()),
            account: viewer.visitor().map(|visitor| visible(&visitor.signed_in.account.name).into_owned()),
            project: current.cloned(),
            others: others.take(PROJECTS_SHOWN).cloned().collect(),
            more_projects: projects.len() > PROJECTS_SHOWN,
            operates,
            keys_beside_data: viewer.visitor().is_some() && guest.app.keys_beside_data(),
            ills: if operates { ills(guest.app.engine().readiness(), guest.words) } else { Vec::new() },
            alerts,
            more_alerts,
            assets: &ASSETS,
            theme: guest.theme,
            notice: guest.notice.clone(),
            calendar,
            here: guest.here.clone(),
        }
    }

    /// Makes a page without script load itself again after a second.
    #[must_use]
    pub(crate) fn reloading(mut self) -> Self {
        self.reload = Some(1);
        self
    }

    pub(crate) fn t(&self, key: &str) -> String {
        self.words.t(key)
    }

    pub(crate) fn with(&self, key: &str, name: &str, value: &str) -> String {
        self.words.with(key, name, value)
    }

    pub(crate) fn count(&self, key: &str, n: &u64) -> String {
        self.words.count(key, *n)
    }

    pub(crate) fn number(&self, n: &u64) -> String {
        self.words.number(*n)
    }

    pub(crate) fn when(&self, time: &auditwire_model::Timestamp) -> When {
        self.calendar.when(*time)
    }

    pub(crate) fn language(&self) -> &'static str {
        self.words.0.tag()
    }

    pub(crate) fn zone(&self) -> String {
        self.calendar.zone_name()
    }

    /// `light`, `dark`, or `system`.
    pub(crate) fn theme(&self) -> &'static str {
        match self.theme {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// What the last change did, and whether it was not done.
    pub(crate) fn notice(&self) -> Option<(String, bool)> {
        let notice = self.notice.as_ref()?;
        Some((visible(&notice.text(self.words)?).into_owned(), notice.warns()))
    }

    /// A project's name as it may stand on a page.
    pub(crate) fn name_of(&self, project: &Project) -> String {
        visible(&project.name).into_owned()
    }

    /// An icon of the sprite.
    pub(crate) fn icon(&self, name: &str) -> String {
        format!("{}#{name}", self.assets.icons.url)
    }

    pub(crate) fn in_events(&self) -> bool {
        self.section == Section::Events
    }

    pub(crate) fn in_settings(&self) -> bool {
        self.section == Section::Settings
    }

    pub(crate) fn in_projects(&self) -> bool {
        self.section == Section::Projects
    }

    pub(crate) fn in_connections(&self) -> bool {
        self.section == Section::Connections
    }

    pub(crate) fn in_account(&self) -> bool {
        self.section == Section::Account
    }

    /// The addresses of the page's project; of the default one where there is none.
    pub(crate) fn urls<'a>(&self, project: &'a Project) -> Urls<'a> {
        Urls(&project.id)
    }

    /// The other languages, each with the address of this very page in it (for those who are not signed in).
    pub(crate) fn languages(&self) -> Vec<(String, &'static str, &'static str)> {
        let (path, query) = self.here.split_once('?').unwrap_or((&self.here, ""));
        let others = Language::ALL.into_iter().filter(|l| *l != self.words.0);
        others
            .map(|language| {
                let pairs = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "language");
                let query = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(pairs)
                    .append_pair("language", language.tag())
                    .finish();
                (format!("{path}?{query}"), language.tag(), language.own_name())
            })
            .collect()
    }

    pub(crate) fn url_home(&self) -> &'static str {
        urls::HOME
    }

    pub(crate) fn url_account(&self) -> &'static str {
        urls::ACCOUNT
    }

    pub(crate) fn url_projects(&self) -> &'static str {
        urls::PROJECTS
    }

    pub(crate) fn url_connections(&self) -> &'static str {
        urls::CONNECTIONS
    }

    pub(crate) fn url_sign_out(&self) -> &'static str {
        urls::SIGN_OUT
    }
}

/// Writes a page. `viewer` is who it was made for: a notice that was shown is forgotten, a new guest gets a cookie.
pub(crate) fn page(viewer: &impl Viewer, status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the page could not be written")
    })?;
    let mut response = html_response(status, html);
    let guest = viewer.guest();
    if guest.notice.is_some() && !guest.fragment {
        add_cookie(&mut response, guest.cookies.clear(Cookie::Notice));
    }
    if viewer.visitor().is_none() && guest.visit.1 {
        add_cookie(&mut response, guest.cookies.set(Cookie::Visit, &guest.visit.0));
    }
    Ok(response)
}

/// An answer that is HTML, with the console's policy.
pub(super) fn html_response(status: StatusCode, html: String) -> Response {
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // With `no-referrer` browsers would send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, html).into_response()
}

/// Goes to another page after a change, which is told there.
pub(crate) fn done(guest: &Guest, url: &str, notice: Option<&Notice>) -> Response {
    let mut response = go(url);
    if let Some(notice) = notice {
        add_cookie(&mut response, guest.cookies.set(Cookie::Notice, &notice.write()));
    }
    response
}

/// 303 See Other.
pub(crate) fn go(url: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response()
}

pub(crate) fn add_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
