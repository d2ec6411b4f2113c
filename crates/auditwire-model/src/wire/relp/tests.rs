use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn frame(txnr: u32, command: &str, data: &[u8]) -> RelpFrame {
    RelpFrame { txnr, command: command.to_owned(), data: data.to_vec() }
}

/// All frames of a stream in pieces, and the error that ended it.
fn read(stream: &[u8], piece: usize, data_max: usize) -> (Vec<RelpFrame>, Option<RelpError>) {
    let mut reader = RelpReader::new(data_max);
    let mut frames = Vec::new();
    for bytes in stream.chunks(piece) {
        reader.push(bytes);
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

#[test]
fn frames_are_written_as_librelp_writes_them() {
    let mut out = Vec::new();
    write_frame(1, "open", b"relp_version=0\ncommands=syslog", &mut out);
    write_frame(2, "close", b"", &mut out);
    assert_eq!(out, b"1 open 30 relp_version=0\ncommands=syslog\n2 close 0\n");
}

#[test]
fn a_servers_words_are_read_in_any_pieces() {
    let stream = b"1 rsp 30 200 OK\nrelp_version=0\ncommands=\n2 rsp 6 200 OK\n0 serverclose 0\n";
    // The first frame announces 30 bytes and has 40: the mistake is found at its end.
    assert!(matches!(read(stream, 7, 100).1, Some(RelpError::Malformed { .. })));
    let stream = b"1 rsp 22 200 OK\nrelp_version=0\n2 rsp 6 200 OK\n0 serverclose 0\n";
    let expected =
        [frame(1, "rsp", b"200 OK\nrelp_version=0"), frame(2, "rsp", b"200 OK"), frame(0, "serverclose", b"")];
    // 22 bytes were announced and 21 follow before the line feed, so the line feed belongs to the data.
    assert!(read(stream, 1, 100).1.is_some());
    let stream = b"1 rsp 21 200 OK\nrelp_version=0\n2 rsp 6 200 OK\n0 serverclose 0\n";
    for piece in 1..stream.len() {
        assert_eq!(read(stream, piece, 100), (expected.to_vec(), None), "in pieces of {piece}");
    }
}

#[test]
fn what_is_not_relp_is_told_by_its_first_bytes() {
    for (stream, expected) in [
        (&b"SSH-2.0-OpenSSH\r\n"[..], "a transaction number"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "a transaction number"),
        (b"1234567890 rsp 0\n", "a blank after the transaction number"),
        (b"1  rsp 0\n", "a command"),
        (b"1 rsp x\n", "a length"),
        (b"1 rsp 3abc\n", "a blank before the data"),
        (b"1 rsp 3 abcd\n", "a line feed at the end of the frame"),
    ] {
        match read(stream, 3, 100) {
            (frames, Some(RelpError::Malformed { expected: said, .. })) => {
                assert_eq!((frames.len(), said), (0, expected), "{stream:?}");
            }
            other => panic!("{stream:?}: {other:?}"),
        }
    }
    assert_eq!(read(b"1 rsp 101 x", 5, 100).1, Some(RelpError::TooLong { size: 101, limit: 100 }));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        frames in vec((1..=TXNR_MAX, prop::sample::select(vec!["open", "syslog", "rsp", "close"]), vec(any::<u8>(), 0..40)), 0..8),
        piece in 1_usize..50,
    ) {
        let mut stream = Vec::new();
        for (txnr, command, data) in &frames {
            write_frame(*txnr, command, data, &mut stream);
        }
        let expected: Vec<_> = frames.iter().map(|(txnr, command, data)| frame(*txnr, command, data)).collect();
        prop_assert_eq!(read(&stream, piece, 40), (expected, None));
    }

    #[test]
    fn foreign_bytes_end_in_an_error_or_are_bounded(stream in vec(prop_oneof![any::<u8>(), b'0'..=b'9', Just(b' ')], 0..200), piece in 1_usize..20) {
        let mut reader = RelpReader::new(16);
        for bytes in stream.chunks(piece) {
            reader.push(bytes);
            while let Ok(Some(_)) = reader.next_frame() {}
            prop_assert!(reader.buffer.len() - reader.at <= 16 + 64 + piece);
        }
    }
}
