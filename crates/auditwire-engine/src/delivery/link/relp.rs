//! RELP over plain TCP or TLS: every message is a transaction that the receiver's program answers. Its answer is the
//! acknowledgement, not the kernel's; offsets count messages.

use std::collections::VecDeque;
use std::io;

use auditwire_model::wire::relp::{RelpFrame, RelpReader, TXNR_MAX, write_frame};

use super::super::ServerCertificate;
use super::super::measure::{AcknowledgedBy, Measure};
use super::super::sockets::PathInfo;
use super::{Link, LinkError, Ready};

/// What we say of ourselves and want (librelp `doc/relp.html`, "offers").
const OFFERS: &str =
    concat!("relp_version=0\nrelp_software=auditwire,", env!("CARGO_PKG_VERSION"), "\ncommands=syslog");
/// Longest answer, in bytes. A server's answer to `open` has some hundred.
const ANSWER_MAX: usize = 16 << 10;
/// Longest part of a refusal that is told, in characters.
const SAID_MAX: usize = 200;

/// A RELP session.
#[derive(Debug)]
pub(crate) struct RelpLink {
    /// [`Link::Tcp`] or [`Link::Tls`].
    carrier: Link,
    reader: RelpReader,
    frames: Vec<u8>,
    /// Messages that were queued and not settled, in order: is it answered?
    open: VecDeque<bool>,
    /// Messages answered without a gap since the session began.
    answered: u64,
    session: Session,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// `open` was sent.
    Opening,
    /// It was answered.
    Open,
    /// `close` was sent, as this transaction.
    Closing(u32),
    /// `close` was answered, or the server ended the session.
    Closed,
}

impl RelpLink {
    /// Opens a session over a fresh TCP or TLS link. The caller sets the time limit.
    pub(crate) async fn open(carrier: Link) -> Result<Self, LinkError> {
        let (frames, open) = (Vec::new(), VecDeque::new());
        let (reader, session) = (RelpReader::new(ANSWER_MAX), Session::Opening);
        let mut link = Self { carrier, reader, frames, open, answered: 0, session };
        link.say(1, "open", OFFERS.as_bytes())?;
        while link.session == Session::Opening {
            link.flush()?;
            if link.carrier.ready(link.pending() > 0).await?.read {
                link.receive()?;
            }
            if link.peer_closed() {
                return Err(LinkError::NotRelp("it closes the connection when it is greeted".to_owned()));
            }
        }
        Ok(link)
    }

    pub(super) fn queue(&mut self, bytes: &[u8], ends: &mut [u64]) -> Result<(), LinkError> {
        let mut begin = 0;
        self.frames.clear();
        for end in ends {
            let stop = usize::try_from(*end).unwrap_or(usize::MAX).min(bytes.len());
            let txnr = self.next_txnr();
            write_frame(txnr, "syslog", bytes.get(begin..stop).unwrap_or_default(), &mut self.frames);
            self.open.push_back(false);
            begin = stop;
            *end = self.answered + self.open.len() as u64;
        }
        self.carrier.queue(&self.frames, &mut [])
    }

    pub(super) fn pending(&self) -> usize {
        self.carrier.pending()
    }

    pub(super) fn flush(&mut self) -> Result<(), LinkError> {
        self.carrier.flush()
    }

    pub(super) fn receive(&mut self) -> Result<(), LinkError> {
        let Self { carrier, reader, .. } = self;
        let received = carrier.receive_with(|bytes| reader.push(bytes));
        loop {
            match self.reader.next_frame() {
                Ok(Some(frame)) => self.take(&frame)?,
                Ok(None) => break,
                Err(error) => return Err(LinkError::NotRelp(error.to_string())),
            }
        }
        // What came before an end counts.
        received
    }

    pub(super) async fn ready(&self, write: bool) -> io::Result<Ready> {
        Box::pin(self.carrier.ready(write)).await
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.answered
    }

    pub(super) fn path(&self) -> io::Result<Option<PathInfo>> {
        self.carrier.path()
    }

    pub(super) fn measure(&self) -> Measure {
        Measure { acknowledged_by: AcknowledgedBy::Program, ..self.carrier.measure() }
    }

    pub(super) fn peer_closed(&self) -> bool {
        self.session == Session::Closed || self.carrier.peer_closed()
    }

    pub(super) fn is_worn(&self) -> bool {
        self.carrier.is_worn()
    }

    pub(super) fn server_certificate(&self) -> Option<ServerCertificate> {
        self.carrier.server_certificate()
    }

    pub(super) fn heard(&self) -> &[u8] {
        self.carrier.heard()
    }

    /// Ends the session, not yet the connection: the answer must still come over it.
    pub(super) fn half_close(&mut self) -> Result<(), LinkError> {
        let txnr = self.next_txnr();
        self.session = Session::Closing(txnr);
        self.say(txnr, "close", b"")
    }

    /// Every message was answered.
    pub(super) fn is_answered(&self) -> bool {
        self.open.is_empty()
    }

    fn say(&mut self, txnr: u32, command: &str, data: &[u8]) -> Result<(), LinkError> {
        self.frames.clear();
        write_frame(txnr, command, data, &mut self.frames);
        self.carrier.queue(&self.frames, &mut [])?;
        self.carrier.flush()
    }

    /// `open` was transaction 1, the first message is 2.
    fn next_txnr(&self) -> u32 {
        txnr_of(self.answered + self.open.len() as u64)
    }

    fn take(&mut self, frame: &RelpFrame) -> Result<(), LinkError> {
        match (frame.command.as_str(), self.session) {
            ("rsp", Session::Opening) if frame.txnr == 1 => self.opened(&frame.data),
            ("rsp", Session::Closing(txnr)) if frame.txnr == txnr => {
                self.session = Session::Closed;
                Ok(())
            }
            ("rsp", Session::Open | Session::Closing(_)) => self.message_answered(frame),
            ("serverclose", _) => {
                self.session = Session::Closed;
                Ok(())
            }
            // Hints for other versions of the protocol are of no use to us and no mistake.
            ("rsp", Session::Closed) => Ok(()),
            (_, _) if frame.txnr == 0 => Ok(()),
            (command, _) => {
                Err(LinkError::NotRelp(format!("'{command}' of transaction {} answers nothing", frame.txnr)))
            }
        }
    }

    fn opened(&mut self, data: &[u8]) -> Result<(), LinkError> {
        agreed(data)?;
        let text = String::from_utf8_lossy(data);
        let commands = text.lines().find_map(|line| line.strip_prefix("commands="));
        if !commands.is_some_and(|commands| commands.split(',').any(|command| command.trim() == "syslog")) {
            return Err(LinkError::RelpRefused("it does not offer the command syslog".to_owned()));
        }
        self.session = Session::Open;
        Ok(())
    }

    fn message_answered(&mut self, frame: &RelpFrame) -> Result<(), LinkError> {
        let first = txnr_of(self.answered);
        let distance = (frame.txnr + TXNR_MAX).wrapping_sub(first) % TXNR_MAX;
        let known = usize::try_from(distance).ok().and_then(|at| self.open.get_mut(at));
        let Some(answered) = known.filter(|_| frame.txnr >= 1) else {
            return Err(LinkError::NotRelp(format!("transaction {} was answered and is not open", frame.txnr)));
        };
        agreed(&frame.data)?;
        *answered = true;
        while self.open.front() == Some(&true) {
            self.open.pop_front();
            self.answered += 1;
        }
        Ok(())
    }
}

/// The transaction of the message at `index`, counted from 0.
fn txnr_of(index: u64) -> u32 {
    let within = (index + 1) % u64::from(TXNR_MAX);
    u32::try_from(within).unwrap_or(0) + 1
}

/// An answer begins with 200, or refuses.
fn agreed(data: &[u8]) -> Result<(), LinkError> {
    if data.starts_with(b"200") {
        return Ok(());
    }
    let text = String::from_utf8_lossy(data);
    let line: String =
        text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(SAID_MAX).collect();
    Err(LinkError::RelpRefused(if line.is_empty() { "without a reason".to_owned() } else { line }))
}
