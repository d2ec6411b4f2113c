//! Syslog over TCP: RFC 5424 messages, LF and octet counting (RFC 6587), each message for itself.
//!
//! Plain syslog has no answer, so that what a sender's kernel was told is delivered is in our memory for a moment: at most
//! [`WAITING`] pieces of [`READ_BYTES`] per link. When the log is slower than the link, the link's window closes.

use std::net::SocketAddr;

use auditwire_engine::Engine;
use auditwire_engine::error::{Error, Result};
use auditwire_engine::intake::{self, Enqueued, ForeignIdentity, Intake, IntakeReport};
use auditwire_model::ProjectId;
use auditwire_model::access::Caller;
use auditwire_model::event::{EventDraft, Plane};
use auditwire_model::shapes;
use auditwire_model::wire::framing::{FrameMode, FrameReader};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A longer message breaks its link, in bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// Pieces of a link that wait for their commit.
const WAITING: usize = 16;

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

    /// Reads until the link or the service ends. Messages are read while those before them are written.
    async fn link(self, mut stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
        let mut waiting = FuturesOrdered::new();
        let mut frames = FrameReader::new(FrameMode::Auto, MESSAGE_BYTES_MAX);
        let mut piece = vec![0; READ_BYTES];
        let ended = loop {
            tokio::select! {
                biased;
                Some(done) = waiting.next() => if let Err(error) = self.told(done) {
                    break Err(error);
                },
                read = stream.read(&mut piece), if waiting.len() < WAITING => match read {
                    Ok(0) => break frames.end().map_err(|error| error.to_string()),
                    Ok(count) => {
                        frames.push(&piece[..count]);
                        match self.enqueue(&mut frames).await {
                            Ok(batch) => waiting.push_back(batch.done()),
                            Err(why) => break Err(why),
                        }
                    }
                    Err(error) => break Err(error.to_string()),
                },
                () = stop.cancelled() => break Ok(()),
            }
        };
        let mut ended = ended;
        while let Some(done) = waiting.next().await {
            ended = self.told(done).and(ended);
        }
        if let Err(why) = ended {
            tracing::warn!(%peer, why, "a syslog link was closed");
        }
    }

    /// All whole messages that are there, as one batch.
    async fn enqueue(&self, frames: &mut FrameReader) -> Result<Enqueued, String> {
        let mut broken = None;
        let items = std::iter::from_fn(|| match frames.next_frame() {
            Ok(frame) => frame.map(|bytes| Ok(draft(bytes))),
            Err(error) => {
                broken = Some(error.to_string());
                None
            }
        });
        let batch = Intake { items, door: Plane::Data, idempotency_key: None };
        let enqueued = intake::enqueue(&self.engine, &self.caller, &self.project, batch).await;
        match (enqueued, broken) {
            (Ok(enqueued), None) => Ok(enqueued),
            (Ok(enqueued), Some(why)) => {
                // What came before it counts.
                self.told(enqueued.done().await)?;
                Err(why)
            }
            (Err(error), _) => Err(not_stored(&error)),
        }
    }

    /// What became of a batch.
    fn told(&self, done: Result<IntakeReport>) -> Result<(), String> {
        for rejection in done.map_err(|error| not_stored(&error))?.rejected {
            tracing::warn!(code = rejection.code.as_str(), "a syslog message was refused: {}", rejection.message);
        }
        Ok(())
    }
}

fn not_stored(error: &Error) -> String {
    format!("messages were not stored: {} ({})", error.detail, error.code)
}

fn draft(bytes: &[u8]) -> EventDraft {
    let ForeignIdentity { event_id, digest } = intake::foreign_identity("syslog", bytes);
    EventDraft { event_id: Some(event_id), digest: Some(digest), ..shapes::syslog::draft(bytes) }
}
