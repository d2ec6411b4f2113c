//! Situations over RELP.

use std::io;

use auditwire_model::connection::{TlsSpec, Transport, Verify};
use auditwire_model::wire::relp::{RelpReader, write_frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::receivers::{self as r, serve};
use super::{Case, case, check, spec, tls_spec};
use crate::delivery::check::CheckReport;
use crate::delivery::tls::fixtures::{Pair, server};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("RELP that answers", "ok", over(|stream| session(stream, b"200 OK"))),
        case("RELP over TLS that answers", "ok", secure_session()),
        case("RELP that refuses the message", "not_acknowledged", over(|stream| session(stream, b"500 no"))),
        case("RELP that never answers the message", "not_acknowledged", over(|stream| session(stream, b""))),
        case("a syslog input, asked for RELP", "framing_refused", over(r::reads_and_stays)),
        case("an input that closes when it hears RELP", "framing_refused", over(r::closes_after_reading)),
        case("something else that answers", "framing_refused", over(|stream| r::answers(stream, b"220 hello\r\n"))),
        case("RELP over TLS, asked in plain text", "tls_expected", async {
            let acceptor = r::acceptor(server(&Pair::self_signed(&["localhost"], |_| {})));
            let address = serve(move |stream| r::reads_tls(acceptor.clone(), stream)).await;
            check(&spec(Transport::Relp, address), None).await
        }),
    ]
}

async fn over<F, Fut>(temper: F) -> CheckReport
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = io::Result<()>> + Send + 'static,
{
    check(&spec(Transport::Relp, serve(temper).await), None).await
}

async fn secure_session() -> CheckReport {
    let acceptor = r::acceptor(server(&Pair::self_signed(&["localhost"], |_| {})));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move { session(acceptor.accept(stream).await?, b"200 OK").await }
    })
    .await;
    let tls = TlsSpec { verify: Verify::Off, ..TlsSpec::default() };
    let mut spec = tls_spec(address, tls);
    spec.transport = Transport::RelpTls;
    check(&spec, None).await
}

/// Opens, and answers each message so; an empty answer is none.
async fn session(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &'static [u8]) -> io::Result<()> {
    let mut reader = RelpReader::new(1 << 16);
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).await?;
        if count == 0 {
            return Ok(());
        }
        reader.push(&piece[..count]);
        let mut out = Vec::new();
        while let Ok(Some(frame)) = reader.next_frame() {
            match frame.command.as_str() {
                "open" => write_frame(frame.txnr, "rsp", b"200 OK\ncommands=syslog", &mut out),
                "syslog" if answer.is_empty() => {}
                "syslog" => write_frame(frame.txnr, "rsp", answer, &mut out),
                _ => write_frame(frame.txnr, "rsp", b"", &mut out),
            }
        }
        stream.write_all(&out).await?;
    }
}
