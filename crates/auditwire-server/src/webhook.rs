//! HTTP for the webhooks of alerts: one request over a connection that the engine has judged, made and encrypted.

use std::pin::pin;

use auditwire_engine::alerts::webhook::{Line, Post, PostRequest};
use auditwire_model::{ConnectionId, ProjectId};
use axum::body::Body;
use axum::http::{Request, header};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::console::urls::Urls;

/// Bytes of an answer's head that are read.
const HEAD_MAX: usize = 16 << 10;

/// HTTP/1.1 by hyper, which serves our own requests as well.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    /// Where people reach the console, if that is configured, as in `https://audit.example`.
    pub(crate) origin: Option<String>,
}

impl Post for Http {
    fn post(&self, line: Box<dyn Line>, request: PostRequest) -> BoxFuture<'static, Result<u16, String>> {
        async move { send(line, request).await.map_err(|error| error.to_string()) }.boxed()
    }

    fn connection_page(&self, project: &ProjectId, connection: &ConnectionId) -> Option<String> {
        let origin = self.origin.as_ref()?;
        Some(format!("{origin}{}", Urls(project).delivery(connection.as_str())))
    }
}

/// The answer's body is not read: the status says all that is asked.
async fn send(line: Box<dyn Line>, request: PostRequest) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let PostRequest { host, path, headers, body } = request;
    let mut built = Request::post(path).header(header::HOST, host).header(header::CONNECTION, "close");
    for (name, value) in headers {
        built = built.header(name, value);
    }
    let request = built.body(Body::from(body))?;
    let (mut sender, connection) = http1::Builder::new().max_buf_size(HEAD_MAX).handshake(TokioIo::new(line)).await?;
    let mut answer = pin!(sender.send_request(request));
    // The connection is driven while the answer is awaited, and goes with it. When it ends first it has left the answer, or why there
    // is none.
    let answered = tokio::select! {
        biased;
        answered = &mut answer => answered,
        _ = connection => answer.await,
    };
    Ok(answered?.status().as_u16())
}
