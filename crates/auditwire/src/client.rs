//! The HTTP client that every verb but `serve`, `receive` and `completion` is made of. It knows addresses, tokens and
//! how to show a refusal; what is asked lives with the verbs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use rustls_pki_types::CertificateDer;
use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::pem::certificates;

/// Where the service listens unless told otherwise; `serve` has the same default.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8514";

const DEFAULT_PROJECT: &str = "default";

/// A check may take 20 s and a graceful stop 10 s more.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How to reach the service.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct ClientArgs {
    /// Address of the service.
    #[arg(long, env = "AUDITWIRE_URL", default_value = DEFAULT_URL, value_name = "URL", global = true)]
    pub(crate) url: String,
    /// File that holds the API token, instead of the variable AUDITWIRE_TOKEN.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// PEM file of the CA that issued the service's certificate, when the system does not know it.
    #[arg(long, env = "AUDITWIRE_CA", value_name = "FILE", global = true)]
    pub(crate) ca: Option<PathBuf>,
    /// Project whose log and connections are meant.
    #[arg(long, env = "AUDITWIRE_PROJECT", default_value = DEFAULT_PROJECT, value_name = "ID", global = true)]
    pub(crate) project: String,
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A client of one project.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    project: String,
    token: HeaderValue,
}

impl Client {
    /// Reads token and CA. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is no URL, there is no token, or a file cannot be read.
    pub(crate) fn from_args(args: &ClientArgs) -> Result<Self> {
        let token = match &args.token_file {
            Some(path) => read(path, "the token file")?,
            None => std::env::var("AUDITWIRE_TOKEN").unwrap_or_default(),
        };
        if token.trim().is_empty() {
            return Err(Failure::usage(
                "there is no API token; set AUDITWIRE_TOKEN, for example with \
                 `export AUDITWIRE_TOKEN=\"$(cat auditwire-data/operator.token)\"`, or give --token-file",
            ));
        }
        // An empty variable means "not set".
        let ca = args.ca.as_deref().filter(|path| !path.as_os_str().is_empty());
        let ca = ca.map(certificates).transpose()?;
        let or = |text: &str, usual: &str| if text.is_empty() { usual.to_owned() } else { text.to_owned() };
        // A file that was written by an editor may begin with a byte order mark.
        let token = token.trim_start_matches('\u{feff}').trim();
        Self::new(&or(&args.url, DEFAULT_URL), token, &or(&args.project, DEFAULT_PROJECT), ca.as_deref())
    }

    /// A client with everything given.
    ///
    /// # Errors
    /// When one of them is not usable.
    pub(crate) fn new(url: &str, token: &str, project: &str, ca: Option<&[CertificateDer<'_>]>) -> Result<Self> {
        let base = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = base.ok_or_else(|| Failure::usage(format!("\"{url}\" is not an address such as {DEFAULT_URL}")))?;
        let mut token = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Failure::usage("the API token holds characters that no token has; copy it again"))?;
        token.set_sensitive(true);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("auditwire/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none());
        if is_local(&base) {
            builder = builder.no_proxy();
        }
        if let Some(ca) = ca {
            let certificates: reqwest::Result<Vec<_>> =
                ca.iter().map(|der| reqwest::Certificate::from_der(der)).collect();
            let certificates =
                certificates.map_err(|e| Failure::caused_by("the CA file holds no usable certificate", &e))?;
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().map_err(|e| Failure::caused_by("the HTTP client cannot start", &e))?;
        Ok(Self { http, base, project: project.to_owned(), token })
    }

    /// A path of the API.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    /// A path below the project, such as `["connections", id]`.
    fn project_url(&self, path: &[&str]) -> Url {
        self.url(&[&["projects", &self.project], path].concat())
    }

    /// A request below the project, with the token.
    pub(crate) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.signed(method, self.project_url(path))
    }

    fn signed(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        request.header("authorization", self.token.clone()).header(ACCEPT, "application/json")
    }

    /// Sends and gives the answer when it is a success.
    ///
    /// # Errors
    /// What the service said, or why it could not be reached.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response).await.0) }
    }

    /// The same; a refusal comes with the problem that was answered.
    ///
    /// # Errors
    /// Why the service could not be reached.
    pub(crate) async fn send_or_problem(&self, request: RequestBuilder) -> Result<Result<Response, (Failure, Value)>> {
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() { Ok(Ok(response)) } else { Ok(Err(self.refused(response).await)) }
    }

    async fn value(&self, request: RequestBuilder) -> Result<Value> {
        let response = self.send(request.timeout(ANSWER_WITHIN)).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        response.json().await.map_err(|e| Failure::caused_by("the service's answer cannot be read", &e))
    }

    /// GET.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub(crate) async fn get(&self, path: &[&str]) -> Result<Value> {
        self.value(self.request(Method::GET, path)).await
    }

    /// GET of what belongs to no project.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub(crate) async fn get_global(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value> {
        let mut url = self.url(path);
        url.query_pairs_mut().extend_pairs(query);
        self.value(self.signed(Method::GET, url)).await
    }

    /// POST of a JSON body, or of none.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub(crate) async fn post(&self, path: &[&str], body: Option<&Value>) -> Result<Value> {
        let request = self.request(Method::POST, path);
        self.value(body.into_iter().fold(request, |request, body| request.json(body))).await
    }

    /// POST without a body to what belongs to no project.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub(crate) async fn post_global(&self, path: &[&str]) -> Result<Value> {
        self.value(self.signed(Method::POST, self.url(path))).await
    }

    /// POST whose refusal with this status is an answer too.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub(crate) async fn post_or(
        &self,
        path: &[&str],
        body: &Value,
        status: StatusCode,
    ) -> Result<Result<Value, Value>> {
        let request = self.request(Method::POST, path).json(body).timeout(ANSWER_WITHIN);
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        let unreadable = |e: reqwest::Error| Failure::caused_by("the service's answer cannot be read", &e);
        match response.status() {
            found if found.is_success() => Ok(Ok(response.json().await.map_err(unreadable)?)),
            found if found == status => Ok(Err(response.json().await.map_err(unreadable)?)),
            _ => Err(self.refused(response).await.0),
        }
    }

    /// PUT, only if the object still has this ETag.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub(crate) async fn put(&self, path: &[&str], body: &Value, etag: Option<&HeaderValue>) -> Result<Value> {
        let mut headers = HeaderMap::new();
        if let Some(etag) = etag {
            headers.insert(IF_MATCH, etag.clone());
        }
        self.value(self.request(Method::PUT, path).headers(headers).json(body)).await
    }

    /// POST of lines of JSON to the events of the project.
    ///
    /// # Errors
    /// See [`Client::send`].
    pub(crate) async fn post_ndjson(&self, body: Vec<u8>) -> Result<Value> {
        let request = self.request(Method::POST, &["events"]).header(CONTENT_TYPE, "application/x-ndjson");
        self.value(request.body(body)).await
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let base = self.base.as_str();
        if error.is_timeout() {
            return Failure::new(format!("{base} did not answer in time"));
        }
        let cause = innermost(error);
        Failure::new(format!(
            "{base} cannot be reached ({cause}); is `auditwire serve` running there? Set AUDITWIRE_URL to its address"
        ))
    }

    async fn refused(&self, response: Response) -> (Failure, Value) {
        let status = response.status();
        let problem: Value = response.json().await.unwrap_or(Value::Null);
        (Failure::new(problem_text(status, &problem, &self.project)), problem)
    }
}

/// The innermost cause: the layers above it only repeat the address.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A refusal (RFC 9457) as one sentence: detail, field, code, and what to do where the service cannot know it.
fn problem_text(status: StatusCode, problem: &Value, project: &str) -> String {
    let text = |key: &str| problem.get(key).and_then(Value::as_str);
    let code = text("code").map_or_else(|| format!("HTTP {}", status.as_u16()), |code| code.to_owned());
    let detail =
        text("detail").or_else(|| text("title")).unwrap_or_else(|| status.canonical_reason().unwrap_or("refused"));
    // Most details name their field themselves.
    let field = text("field").filter(|field| !detail.contains(*field));
    let field = field.map(|field| format!("{field}: ")).unwrap_or_default();
    let advice = match status {
        StatusCode::UNAUTHORIZED => "; check AUDITWIRE_TOKEN".to_owned(),
        StatusCode::NOT_FOUND if code == "project_not_found" => format!("; the project asked for is \"{project}\""),
        StatusCode::PRECONDITION_FAILED => "; somebody changed it meanwhile: look at it and try again".to_owned(),
        _ => String::new(),
    };
    format!("{field}{detail}{advice} [{code}]")
}

fn read(path: &Path, what: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| Failure::usage(format!("{what} {} cannot be read: {e}", path.display())))
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(crate::config::is_loopback)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_becomes_one_sentence() {
        let problem =
            json!({"title": "x", "detail": "a port is 1 to 65535", "code": "invalid_endpoint", "field": "endpoint"});
        let text = problem_text(StatusCode::BAD_REQUEST, &problem, "default");
        assert_eq!(text, "endpoint: a port is 1 to 65535 [invalid_endpoint]");
        let problem =
            json!({"detail": "'endpoint': the port is missing", "code": "invalid_endpoint", "field": "endpoint"});
        let text = problem_text(StatusCode::BAD_REQUEST, &problem, "default");
        assert_eq!(text, "'endpoint': the port is missing [invalid_endpoint]");
        let text = problem_text(StatusCode::UNAUTHORIZED, &Value::Null, "default");
        assert_eq!(text, "Unauthorized; check AUDITWIRE_TOKEN [HTTP 401]");
    }

    #[test]
    fn paths_are_escaped_below_any_base() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::new("https://audit.example/base/", "aw_1", "p", None).unwrap();
        let url = client.project_url(&["connections", "a/../b?c"]);
        assert_eq!(url.as_str(), "https://audit.example/base/api/v1/projects/p/connections/a%2F..%2Fb%3Fc");
    }

    #[test]
    fn a_wrong_address_or_token_is_refused_before_anything_is_sent() {
        for (url, token) in [("audit.example", "t"), ("ftp://a", "t"), ("http://a", "t\n")] {
            assert_eq!(Client::new(url, token, "p", None).err().unwrap().code, crate::failure::USAGE, "{url}");
        }
    }

    #[test]
    fn empty_variables_are_not_set() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let token = folder.path().join("token");
        std::fs::write(&token, "\u{feff}aw_1\r\n").unwrap();
        let args = ClientArgs {
            url: String::new(),
            token_file: Some(token),
            ca: Some(PathBuf::new()),
            project: String::new(),
            json: false,
        };
        let client = Client::from_args(&args).unwrap();
        assert_eq!(client.project_url(&["events"]).as_str(), "http://127.0.0.1:8514/api/v1/projects/default/events");
        assert_eq!(client.token.to_str().unwrap(), "Bearer aw_1");
    }
}
