//! The real binary in a folder of its own, and a client that knows only the API's published names.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{eventually, failure};

/// The project that a first start makes.
pub(crate) const EVENTS: &str = "/api/v1/projects/default/events";
/// Its connections.
pub(crate) const CONNECTIONS: &str = "/api/v1/projects/default/connections";

/// A running service. Killed when dropped.
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) folder: TempDir,
    child: Option<Child>,
    http: reqwest::Client,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer with this status; panics with the whole answer otherwise.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }
}

impl Service {
    /// In a new folder.
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), &[], &[]).await
    }

    /// In this folder, with environment variables and further arguments.
    pub(crate) async fn start_in(folder: TempDir, env: &[(&str, &str)], args: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", folder, env, args).await
    }

    /// SIGTERM, and another process with the same folder at the same address.
    pub(crate) async fn restart(self) -> Self {
        let address = self.url.strip_prefix("http://").unwrap().to_owned();
        let (status, folder) = self.terminate().await;
        assert!(status.success(), "{status}");
        Self::start_at(&address, folder, &[], &[]).await
    }

    async fn start_at(listen: &str, folder: TempDir, env: &[(&str, &str)], args: &[&str]) -> Self {
        failure::remember();
        let log = std::fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
        let mut child = crate::process::service()
            .args(["serve", "--listen", listen, "--data"])
            .arg(folder.path().join("data"))
            .args(args)
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            lines.read_line(&mut line).map(|_| (line, lines))
        })
        .await
        .unwrap();
        let (line, mut rest) = line.unwrap();
        // Whatever else it prints must not stop it.
        std::thread::spawn(move || std::io::copy(&mut rest, &mut std::io::sink()));
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| {
            panic!("first line was {line:?}; log: {}", std::fs::read_to_string(folder.path().join("log")).unwrap())
        });
        if std::env::var_os("AUDITWIRE_TEST_CONFINED").is_some() {
            crate::process::assert_confined(child.id());
        }
        let token = std::fs::read_to_string(folder.path().join("data/operator.token")).unwrap().trim().to_owned();
        let service =
            Self { url: url.trim_end_matches('/').to_owned(), token, folder, child: Some(child), http: client() };
        eventually("ready", Duration::from_secs(20), async || {
            (service.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        service
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// SIGKILL; the folder stays.
    pub(crate) fn kill(mut self) -> TempDir {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// SIGTERM, and how it ended; the folder stays.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, TempDir) {
        let mut child = self.child.take().unwrap();
        let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let status = eventually("end after SIGTERM", Duration::from_secs(30), async || child.try_wait().unwrap()).await;
        (status, std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Waits until it has ended by itself: how, and what it has logged.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let mut child = self.child.take().unwrap();
        let status = eventually("its own end", Duration::from_secs(60), async || child.try_wait().unwrap()).await;
        (status, self.log())
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(reqwest::Method::GET, path)).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    /// A post that may fail because the service dies.
    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        send(self.request(reqwest::Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        send(self.request(reqwest::Method::PUT, path).json(body)).await.unwrap()
    }

    /// Creates a connection; its id.
    pub(crate) async fn create(&self, connection: &Value) -> String {
        let body = self.post(CONNECTIONS, connection).await.expect(201);
        body["id"].as_str().unwrap().to_owned()
    }

    /// Activates a connection; the check must pass.
    pub(crate) async fn activate(&self, id: &str, start: &str) -> Value {
        self.post(&format!("{CONNECTIONS}/{id}/activate"), &json!({ "start": start })).await.expect(200)
    }

    /// Everything in the project's log, by pages.
    pub(crate) async fn all_events(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut path = format!("{EVENTS}?order=asc&limit=1000");
        loop {
            let body = self.get(&path).await.expect(200);
            all.extend(body["events"].as_array().unwrap().iter().cloned());
            match body["next"].as_str() {
                Some(next) if !body["events"].as_array().unwrap().is_empty() => {
                    path = format!("{EVENTS}?order=asc&limit=1000&cursor={next}");
                }
                _ => return all,
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            failure::tell("the service's log", &self.log());
        }
    }
}

fn client() -> reqwest::Client {
    // A second installation in the same process is refused and changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap()
}

async fn send(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await?;
    let body =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(Answer { status, headers, body })
}
