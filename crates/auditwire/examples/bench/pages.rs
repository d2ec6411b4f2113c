//! The console's pages: how long the service takes for one, and how many bytes a browser loads.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;

use crate::service::{Service, Start};
use crate::stats::Samples;
use crate::{Options, Result, client, search};

/// Loads of each page that are timed, after a few that are not.
const LOADS: usize = 200;
const WARM: usize = 10;
const CONNECTIONS: usize = 5;

/// Prints a table of the pages for a log of `options.events` events.
pub(crate) fn pages(options: &Options) -> Result<()> {
    let service = Service::start(&options.service, Start::default())?;
    search::load(&service, options.events)?;
    let id = connections(&service)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!(
        "\n## pages, a log of {} events, {CONNECTIONS} connections; {LOADS} loads one after another",
        options.events
    );
    println!("{:<34} | ms median |  ms p95 | bytes, gzip | first visit, with style, script, icons", "page");
    runtime.block_on(async {
        let mut visitor = Visitor::new(service.port)?;
        visitor.print("sign-in", "/sign-in").await?;
        visitor.sign_in(&service.sign_in_link()?).await?;
        let events = "/projects/default/events";
        visitor.print("Event log", events).await?;
        visitor.print("Event log, one in 200 matches", &format!("{events}?severity=CRITICAL&range=all")).await?;
        visitor.print("Event log, nothing matches", &format!("{events}?source=nobody&range=all")).await?;
        visitor.print("Event log, a word", &format!("{events}?q=zebrafish&range=all")).await?;
        visitor.print("one event", &format!("{events}/{}", options.events / 2)).await?;
        let siem = "/projects/default/settings/siem";
        visitor.print("SIEM connections", siem).await?;
        visitor.print("form of a connection", &format!("{siem}/connections/{id}")).await?;
        visitor.print("check of a connection", &format!("{siem}/connections/{id}/check")).await
    })
}

/// Creates connections to ports where nobody listens; the id of the first.
fn connections(service: &Service) -> Result<String> {
    let mut client = client(service)?;
    let mut first = None;
    for n in 1..=CONNECTIONS {
        let body = format!(
            r#"{{"name":"SIEM {n}","endpoint":"127.0.0.1:{n}","transport":"tcp","format":"cef","framing":"lf","filter":{{"kind":"general","status":{{"mode":"only","values":["failure","4xx"]}},"source":{{"mode":"except","values":["network"]}}}}}}"#
        );
        let (status, answer) = client.request("POST", "/api/v1/projects/default/connections", body.as_bytes())?;
        let id = crate::http::text(&answer, "id").filter(|_| status == 201);
        first = first.or(id);
    }
    first.ok_or_else(|| "no connection could be created".into())
}

/// A browser's part: cookies, gzip, one kept connection.
struct Visitor {
    http: reqwest::Client,
    base: String,
    cookies: BTreeMap<String, String>,
}

/// An answer, as it came over the network.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// Body and header fields; the status line and how the body is cut into chunks are left out.
    fn bytes(&self) -> usize {
        self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + self.body.len()
    }
}

impl Visitor {
    fn new(port: u16) -> Result<Self> {
        // A second installation is refused and changes nothing.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build()?;
        Ok(Self { http, base: format!("http://127.0.0.1:{port}"), cookies: BTreeMap::new() })
    }

    async fn send(&mut self, path: &str, encoding: &str, form: Option<String>) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = if form.is_some() { self.http.post(url) } else { self.http.get(url) };
        request =
            request.header(ACCEPT, "text/html").header(ACCEPT_ENCODING, encoding).header(COOKIE, cookies.join("; "));
        if let Some(form) = form {
            let kind = "application/x-www-form-urlencoded";
            request = request.header("sec-fetch-site", "same-origin").header(CONTENT_TYPE, kind).body(form);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for set in headers.get_all(SET_COOKIE) {
            let (name, value) = set.to_str()?.split(';').next().and_then(|p| p.split_once('=')).ok_or("no cookie")?;
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
    }

    /// Signs the operator in by a one-time link.
    async fn sign_in(&mut self, link: &str) -> Result<()> {
        let path = link.strip_prefix(&self.base).ok_or("a link to another service")?;
        let page = self.send(path, "identity", None).await?;
        let html = String::from_utf8(page.body)?;
        let field = |name: &str| {
            let after = html.split(&format!("name=\"{name}\" value=\"")).nth(1)?;
            Some(format!("{name}={}", after.split('"').next()?))
        };
        let form = format!("{}&{}", field("csrf").ok_or("no csrf")?, field("key").ok_or("no key")?);
        let entered = self.send("/sign-in/link", "identity", Some(form)).await?;
        if entered.headers.contains_key(LOCATION) { Ok(()) } else { Err(format!("sign-in: {}", entered.status).into()) }
    }

    /// Loads a page again and again, and prints its line.
    async fn print(&mut self, name: &str, path: &str) -> Result<()> {
        let html = String::from_utf8(self.load(path, "identity").await?.body)?;
        let mut assets: Vec<&str> = html.split('"').filter(|text| text.starts_with("/assets/")).collect();
        assets.iter_mut().for_each(|url| *url = url.split('#').next().unwrap_or_default());
        assets.sort_unstable();
        assets.dedup();
        let mut beside = 0;
        for asset in assets {
            beside += self.load(asset, "gzip").await?.bytes();
        }
        let (mut samples, mut bytes) = (Samples::default(), 0);
        for n in 0..WARM + LOADS {
            let began = Instant::now();
            let answer = self.load(path, "gzip").await?;
            if n >= WARM {
                samples.push(began.elapsed());
            }
            bytes = answer.bytes();
        }
        let ms = |q| Duration::as_secs_f64(&samples.quantile(q)) * 1e3;
        println!("{name:<34} | {:9.2} | {:7.2} | {bytes:>11} | {:>11}", ms(0.5), ms(0.95), bytes + beside);
        Ok(())
    }

    async fn load(&mut self, path: &str, encoding: &str) -> Result<Answer> {
        let answer = self.send(path, encoding, None).await?;
        if answer.status == 200 { Ok(answer) } else { Err(format!("{path}: {}", answer.status).into()) }
    }
}
