//! Keys that may make few records. What rustls takes past their limit it throws away.

use auditwire_model::wire::relp::{RelpReader, write_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::*;
use super::{acknowledged, tls_fixture_with, tls_pair};
use crate::delivery::tls::fixtures::provider;

const LIMIT: u64 = 40;

/// Sends messages of `size` bytes until the link refuses one; how many it took.
async fn taken(link: &mut Link, size: usize) -> (usize, LinkError) {
    for count in 0..10 * LIMIT as usize {
        if let Err(error) = link.queue(&vec![b'm'; size], &mut [size as u64]) {
            return (count, error);
        }
        while link.pending() > 0 {
            link.ready(true).await.unwrap();
            link.flush().unwrap();
        }
    }
    panic!("more than the limit was taken");
}

#[tokio::test]
async fn a_link_of_tls_1_2_is_worn_before_its_key_is() {
    let fixture = tls_fixture_with(&rustls::version::TLS12, provider(LIMIT));
    let (mut link, mut theirs) = tls_pair(&fixture).await;
    assert!(!link.is_worn());
    let mut before = 0;
    while !link.is_worn() {
        link.queue(b"message", &mut [7]).unwrap();
        before += 1;
        assert!(before < LIMIT, "never worn");
    }
    assert_eq!(before, 34, "seven eighths, less the handshake's record");
    let (more, error) = taken(&mut link, 7).await;
    assert!(matches!(error, LinkError::Worn), "{error:?}");
    assert!((1..=4).contains(&more), "{more}");
    link.half_close().unwrap();
    let mut got = Vec::new();
    theirs.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len() as u64, 7 * (before + more as u64), "what was taken came");
}

/// The proof does not rest on the count: messages of every size, the smallest as long as an alert.
#[tokio::test]
async fn what_no_ciphertext_came_of_ends_the_link() {
    for size in [1, 2, 3, 11, 500, 16 << 10, (16 << 10) + 1, 64 << 10] {
        let fixture = tls_fixture_with(&rustls::version::TLS12, provider(LIMIT));
        let (mut link, mut theirs) = tls_pair(&fixture).await;
        let Link::Tls(tls) = &mut link else { unreachable!() };
        tls.forget_limit();
        let reading = tokio::spawn(async move {
            let mut got = Vec::new();
            theirs.read_to_end(&mut got).await.unwrap();
            got.len()
        });
        let (count, error) = taken(&mut link, size).await;
        assert!(matches!(error, LinkError::NotEncrypted), "{size}: {error:?}");
        while link.pending() > 0 {
            link.ready(true).await.unwrap();
            link.flush().unwrap();
        }
        drop(link);
        let got = reading.await.unwrap();
        // A message as short as an alert may be taken for sent once; no message is.
        let doubtful = if size <= 10 { size } else { 0 };
        assert!(got + doubtful >= count * size, "{size}: {count} counted as sent, {got} bytes came");
    }
}

#[tokio::test]
async fn tls_1_3_changes_its_keys_and_goes_on() {
    let fixture = tls_fixture_with(&rustls::version::TLS13, provider(LIMIT));
    let (mut link, mut theirs) = tls_pair(&fixture).await;
    let count = 10 * usize::try_from(LIMIT).unwrap();
    let reading = tokio::spawn(async move {
        let mut got = vec![0; 500 * count];
        theirs.read_exact(&mut got).await.unwrap();
        theirs
    });
    for _ in 0..count {
        link.queue(&[b'm'; 500], &mut [500]).unwrap();
        while link.pending() > 0 {
            link.ready(true).await.unwrap();
            link.flush().unwrap();
        }
        link.receive().unwrap();
        assert!(!link.is_worn());
    }
    reading.await.unwrap();
}

/// The session has the key of its carrier.
#[tokio::test]
async fn a_relp_session_over_tls_1_2_is_worn_with_its_key() {
    let fixture = tls_fixture_with(&rustls::version::TLS12, provider(LIMIT));
    let (link, mut theirs) = tls_pair(&fixture).await;
    let server = tokio::spawn(async move {
        let (mut reader, mut piece, mut messages) = (RelpReader::new(1 << 20), vec![0; 4096], 0);
        while let Ok(count @ 1..) = theirs.read(&mut piece).await {
            reader.push(&piece[..count]);
            while let Some(frame) = reader.next_frame().unwrap() {
                let mut answer = Vec::new();
                let agreed: &[u8] = if frame.command == "open" { b"200 OK\ncommands=syslog" } else { b"200 OK" };
                write_frame(frame.txnr, "rsp", agreed, &mut answer);
                theirs.write_all(&answer).await.unwrap();
                messages += u64::from(frame.command == "syslog");
            }
        }
        messages
    });
    let mut link = connect::relp(link, connect::OPEN_LIMIT).await.unwrap();
    let mut sent = 0;
    while !link.is_worn() {
        let mut ends = [7];
        link.queue(b"message", &mut ends).unwrap();
        sent += 1;
        assert!(sent < LIMIT, "never worn");
        acknowledged(&mut link, ends[0]).await;
    }
    assert_eq!(sent, 33, "the greeting was a record, too");
    drop(link);
    assert_eq!(server.await.unwrap(), sent);
}
