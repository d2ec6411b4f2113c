//! Syslog over TCP: RFC 5424 messages, LF and octet counting (RFC 6587), each message for itself.
//!
//! Plain syslog has no answer, so that what a sender's kernel was told is delivered is in our memory for a moment: at most
//! [`WAITING`] pieces of [`READ_BYTES`] and one batch per link. When the log is slower than the link, the link's window closes.

use std::net::SocketAddr;

use auditwire_engine::intake::{self, Intake};
use auditwire_engine::{Engine, Result};
use auditwire_model::ProjectId;
use auditwire_model::access::Caller;
use auditwire_model::event::{EventDraft, Plane};
use auditwire_model::shapes;
use auditwire_model::wire::framing::{FrameMode, FrameReader};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A longer message breaks its link, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// Pieces of a link that wait for the commit before them.
const WAITING: usize = 8;
/// Events committed together, about.
const BATCH_EVENTS: usize = 2000;

/// Whose events come in, and where they go.
#[derive(Debug, Clone)]
pub struct SyslogDoor {
    /// The engine.
    pub engine: Engine,
    /// Who sends: what intake allows is decided by it.
    pub caller: Caller,
    /// The project of all events.
    pub project: ProjectId,
}

impl SyslogDoor {
    /// Takes links until `stop`; then what was read is still committed.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let links = TaskTracker::new();
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => drop(links.spawn(self.clone().link(stream, peer, stop.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "a syslog link could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
        links.close();
        links.wait().await;
    }

    async fn link(self, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        let (sink, waiting) = mpsc::channel(WAITING);
        let reading = async {
            if let Some(Err(why)) = stop.run_until_cancelled(read(stream, &sink)).await {
                tracing::warn!(%peer, why, "a syslog link was closed");
            }
            drop(sink);
        };
        let committing = self.clone().commit(waiting);
        // On tasks of their own: messages are read while those before them are written.
        let committing = tokio::spawn(committing);
        reading.await;
        match committing.await {
            Ok(Err(error)) => {
                tracing::error!(%peer, code = error.code, "syslog messages were not stored: {}", error.detail)
            }
            Err(error) => tracing::error!(%peer, %error, "a syslog link ended"),
            Ok(Ok(())) => {}
        }
    }

    /// Commits what has come, in its order, as much as waits at once.
    async fn commit(self, mut waiting: mpsc::Receiver<Vec<EventDraft>>) -> Result<()> {
        while let Some(first) = waiting.recv().await {
            let mut items: Vec<_> = first.into_iter().map(Ok).collect();
            while items.len() < BATCH_EVENTS
                && let Ok(next) = waiting.try_recv()
            {
                items.extend(next.into_iter().map(Ok));
            }
            let batch = Intake { items, door: Plane::Data, idempotency_key: None };
            let report = intake::accept(&self.engine, &self.caller, &self.project, batch).await?;
            for rejection in report.rejected {
                tracing::warn!(code = rejection.code.as_str(), "a syslog message was refused: {}", rejection.message);
            }
        }
        Ok(())
    }
}

/// Reads until the end; `Err` says why the link is useless.
async fn read(mut stream: TcpStream, sink: &mpsc::Sender<Vec<EventDraft>>) -> Result<(), String> {
    let mut frames = FrameReader::new(FrameMode::Auto, MESSAGE_BYTES_MAX);
    let mut piece = vec![0; READ_BYTES];
    loop {
        let count = stream.read(&mut piece).await.map_err(|error| error.to_string())?;
        if count == 0 {
            return frames.end().map_err(|error| error.to_string());
        }
        frames.push(&piece[..count]);
        let mut drafts = Vec::with_capacity(count / 256);
        let broken = loop {
            match frames.next_frame() {
                Ok(Some(bytes)) => drafts.push(draft(bytes)),
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        if sink.send(drafts).await.is_err() {
            return Err("what came before was not stored".to_owned());
        }
        if let Some(why) = broken {
            return Err(why);
        }
    }
}

fn draft(bytes: &[u8]) -> EventDraft {
    EventDraft { event_id: Some(intake::foreign_id("syslog", bytes)), ..shapes::syslog::draft(bytes) }
}
