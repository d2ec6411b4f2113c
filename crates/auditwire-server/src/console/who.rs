//! Who looks at a page. A handler takes one of these as its first argument; the verbs demand the caller in it.
//!
//! [`Guest`]: anyone. [`Visitor`]: somebody signed in; others are sent to the sign-in page. [`InProject`]: somebody signed in,
//! in a project that they may see.

use auditwire_engine::people::{self, SignedIn};
use auditwire_engine::records::{Alert, Project, Theme};
use auditwire_engine::{alerts, projects};
use auditwire_model::access::{Caller, Decision, Origin, Verb, allows};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;

use super::cookies::{Cookie, Cookies, new_visit};
use super::notice::Notice;
use super::time::{self, Calendar};
use super::urls::{self, Urls};
use super::words::{Language, Words};
use crate::api::Problem;
use crate::client::{Asker, Link};
use crate::{App, transport};

/// The header that our script sends when it wants the page's content without the frame.
const FRAGMENT: &str = "x-fragment";

/// Anyone: what a page needs to know even before somebody is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) app: App,
    pub(crate) cookies: Cookies,
    pub(crate) words: Words,
    pub(crate) zone: TimeZone,
    pub(crate) theme: Theme,
    /// By which request they look.
    pub(crate) origin: Origin,
    /// True when only the content is wanted.
    pub(crate) fragment: bool,
    /// Path and query of the request.
    pub(crate) here: String,
    /// What forms' tokens are made from; `true` when the browser does not have it yet.
    pub(crate) visit: (String, bool),
    pub(crate) notice: Option<Notice>,
}

/// Somebody signed in.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) guest: Guest,
    pub(crate) signed_in: SignedIn,
    /// The session's secret, for those who end it.
    pub(crate) session: String,
    /// The projects that they may see, by name.
    pub(crate) projects: Vec<Project>,
}

/// Somebody signed in, in a project.
#[derive(Debug, Clone)]
pub(crate) struct InProject {
    pub(crate) visitor: Visitor,
    pub(crate) project: Project,
    /// What is wrong with its delivery; empty where no whole page is wanted.
    pub(crate) alerts: Vec<Alert>,
}

impl Guest {
    /// Reads what the request says of its sender.
    pub(crate) fn read(parts: &Parts, app: &App) -> Self {
        let link = Link::of(&parts.extensions, app);
        let cookies = Cookies::of(app, link, &parts.headers);
        let visit = match cookies.get(Cookie::Visit) {
            Some(visit) => (visit.to_owned(), false),
            None => (new_visit(), true),
        };
        // As a link, `//host` leads to another host; no page of ours has such an address.
        let here = parts.uri.path_and_query().map(|p| p.as_str()).filter(|here| !here.starts_with("//"));
        let here = here.unwrap_or(urls::HOME).to_owned();
        Self {
            words: Words(asked_language(&parts.uri).unwrap_or_else(|| Language::accepted(&parts.headers))),
            zone: cookies.zone().and_then(time::zone).unwrap_or(TimeZone::UTC),
            theme: Theme::System,
            origin: transport::origin(parts, app),
            fragment: parts.headers.contains_key(FRAGMENT),
            notice: cookies.get(Cookie::Notice).and_then(Notice::read),
            app: app.clone(),
            cookies,
            here,
            visit,
        }
    }

    pub(crate) fn calendar(&self) -> Calendar {
        Calendar::new(self.zone.clone(), &*self.app.engine().clock, self.words)
    }
}

/// `?language=ru`: how somebody who is not signed in chooses.
fn asked_language(uri: &axum::http::Uri) -> Option<Language> {
    let query = uri.query()?.as_bytes();
    form_urlencoded::parse(query).find(|(name, _)| name == "language").and_then(|(_, tag)| Language::parse(&tag))
}

impl FromRequestParts<App> for Guest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self::read(parts, app))
    }
}

/// Why there is no visitor.
#[derive(Debug)]
pub(crate) enum NotSignedIn {
    /// Sign in first, then come back here.
    SignIn(String),
    /// A stream of events that a script wants to go on with: it ends for good, and no page is sent in its place (WHATWG HTML,
    /// section 9.2.3: 204 tells the browser not to come again).
    Stream,
    Problem(Problem),
}

impl From<Problem> for NotSignedIn {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for NotSignedIn {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Stream => StatusCode::NO_CONTENT.into_response(),
            Self::SignIn(url) => (StatusCode::SEE_OTHER, [(header::LOCATION, url)]).into_response(),
        }
    }
}

impl Visitor {
    pub(crate) fn caller(&self) -> &Caller {
        &self.signed_in.caller
    }

    pub(crate) fn engine(&self) -> &auditwire_engine::Engine {
        self.guest.app.engine()
    }

    /// Whether the pages of the operator are shown to them; the verbs decide again.
    pub(crate) fn operates(&self) -> bool {
        allows(self.caller(), Verb::ConnectionsOverview, None) == Decision::Allowed
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NotSignedIn> {
        let mut guest = Guest::read(parts, app);
        let engine = app.engine();
        let session = guest.cookies.get(Cookie::Session).map(str::to_owned);
        let signed_in = match &session {
            Some(session) => people::session(engine, session, &guest.origin).await.map_err(Problem::from)?,
            None => None,
        };
        let (Some(signed_in), Some(session)) = (signed_in, session) else {
            if accepts(&parts.headers, "text/event-stream") {
                return Err(NotSignedIn::Stream);
            }
            return Err(NotSignedIn::SignIn(sign_in_then(&parts.method, &guest)));
        };
        Asker::of(&parts.extensions, app).prove(app, signed_in.caller.id())?;
        let chosen = &signed_in.account.preferences;
        if let Some(language) = chosen.language.as_deref().and_then(Language::parse) {
            guest.words = Words(language);
        }
        if let Some(zone) = chosen.zone.as_deref().and_then(time::zone) {
            guest.zone = zone;
        }
        guest.theme = chosen.theme;
        let mut projects = projects::list(engine, &signed_in.caller).await.map_err(Problem::from)?;
        projects.sort_by_cached_key(|p| p.name.to_lowercase());
        Ok(Self { guest, signed_in, session, projects })
    }
}

fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|accepted| accepted.contains(kind))
}

/// A page is come back to after signing in; a form is not sent again by itself.
fn sign_in_then(method: &Method, guest: &Guest) -> String {
    if method != Method::GET || guest.fragment || guest.here == urls::HOME {
        return urls::SIGN_IN.to_owned();
    }
    let next: String = form_urlencoded::byte_serialize(guest.here.as_bytes()).collect();
    format!("{}?next={next}", urls::SIGN_IN)
}

impl InProject {
    pub(crate) fn urls(&self) -> Urls<'_> {
        Urls(&self.project.id)
    }

    pub(crate) fn engine(&self) -> &auditwire_engine::Engine {
        self.visitor.engine()
    }

    pub(crate) fn caller(&self) -> &Caller {
        self.visitor.caller()
    }

    pub(crate) fn words(&self) -> Words {
        self.visitor.guest.words
    }

    pub(crate) fn calendar(&self) -> Calendar {
        self.visitor.guest.calendar()
    }
}

impl FromRequestParts<App> for InProject {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, NotSignedIn> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app).await.ok();
        let id = params.as_ref().and_then(|p| p.iter().find(|(name, _)| *name == "project")).map(|(_, id)| id);
        let project = id.and_then(|id| visitor.projects.iter().find(|p| p.id.as_str() == id)).cloned();
        let Some(project) = project else {
            let detail = "there is no such project, or it is not one of yours";
            return Err(Problem::new(StatusCode::NOT_FOUND, "project_not_found", detail).into());
        };
        let alerts = if parts.method == Method::GET && !visitor.guest.fragment {
            alerts::list(app.engine(), visitor.caller(), &project.id).await.map_err(Problem::from)?
        } else {
            Vec::new()
        };
        Ok(Self { visitor, project, alerts })
    }
}

/// What a page needs of whoever looks at it.
pub(crate) trait Viewer {
    fn guest(&self) -> &Guest;
    fn visitor(&self) -> Option<&Visitor>;
    fn project(&self) -> Option<&Project>;

    /// What is wrong with the delivery of the project.
    fn alerts(&self) -> &[Alert] {
        &[]
    }

    /// What this viewer's form tokens are made from.
    fn csrf_cookie(&self) -> &str {
        match self.visitor() {
            Some(visitor) => &visitor.session,
            None => &self.guest().visit.0,
        }
    }
}

impl Viewer for Guest {
    fn guest(&self) -> &Guest {
        self
    }

    fn visitor(&self) -> Option<&Visitor> {
        None
    }

    fn project(&self) -> Option<&Project> {
        None
    }
}

impl Viewer for Visitor {
    fn guest(&self) -> &Guest {
        &self.guest
    }

    fn visitor(&self) -> Option<&Visitor> {
        Some(self)
    }

    fn project(&self) -> Option<&Project> {
        None
    }
}

impl Viewer for InProject {
    fn guest(&self) -> &Guest {
        &self.visitor.guest
    }

    fn visitor(&self) -> Option<&Visitor> {
        Some(&self.visitor)
    }

    fn project(&self) -> Option<&Project> {
        Some(&self.project)
    }

    fn alerts(&self) -> &[Alert] {
        &self.alerts
    }
}
