//! Streams in pieces of every size, good and bad.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const LF: FrameMode = FrameMode::Only(Framing::Lf);
const COUNTED: FrameMode = FrameMode::Only(Framing::OctetCounting);

/// All messages and errors of a stream that comes in pieces of `piece` bytes.
fn read(mode: FrameMode, max_bytes: usize, stream: &[u8], piece: usize) -> (Vec<String>, Vec<FrameError>) {
    let mut reader = FrameReader::new(mode, max_bytes);
    let (mut messages, mut errors) = (Vec::new(), Vec::new());
    for bytes in stream.chunks(piece) {
        reader.push(bytes);
        loop {
            match reader.next_frame() {
                Ok(Some(message)) => messages.push(String::from_utf8_lossy(message).into_owned()),
                Ok(None) => break,
                Err(error) => {
                    let lost = mode != LF && errors.last() == Some(&error);
                    errors.push(error);
                    if lost {
                        return (messages, errors);
                    }
                }
            }
        }
        assert!(reader.pending().len() <= max_bytes + 12 + piece, "holds {} bytes", reader.pending().len());
    }
    errors.extend(reader.end().err());
    (messages, errors)
}

#[test]
fn auto_decides_per_message() {
    let stream = b"5 <1>a\n<2>b\n\n3 c d\nCEF:0|x\n1 \n<3>end\n";
    for piece in 1..stream.len() {
        let (messages, errors) = read(FrameMode::Auto, 100, stream, piece);
        assert_eq!(messages, ["<1>a\n", "<2>b", "c d", "CEF:0|x", "\n", "<3>end"]);
        assert_eq!(errors, []);
    }
}

#[test]
fn a_line_too_long_costs_only_itself() {
    for piece in 1..30 {
        let (messages, errors) = read(LF, 4, b"abcd\nabcdefghijklm\nxyz\n", piece);
        assert_eq!(messages, ["abcd", "xyz"]);
        assert!(matches!(errors[..], [FrameError::TooLong { size: 5.., limit: 4 }]), "{errors:?}");
    }
}

#[test]
fn what_follows_a_line_too_long_is_framed_for_itself() {
    let stream = b"abcdefghijklm\n3 a\nb<x>\n4 <y>\n<z\n";
    for piece in 1..stream.len() {
        let (messages, errors) = read(FrameMode::Auto, 4, stream, piece);
        assert_eq!(messages, ["a\nb", "<x>", "<y>\n", "<z"], "in pieces of {piece}");
        assert!(matches!(errors[..], [FrameError::TooLong { size: 5.., limit: 4 }]), "{errors:?}");
    }
}

#[test]
fn a_wrong_count_ends_the_stream() {
    for (stream, expected) in [
        (&b"<13>1 x"[..], r#"found <13>1 x"#),
        (b"012 x", "found 012 x"),
        (b"12x34567", "found 12x34567"),
        (b"99999999999 x", "found 99999999999 x"),
        (b"5000 x", "5000 bytes"),
    ] {
        let (messages, errors) = read(COUNTED, 100, stream, stream.len());
        assert!(messages.is_empty() && errors.len() == 2 && errors[0] == errors[1], "{errors:?}");
        assert!(errors[0].to_string().contains(expected), "{}", errors[0]);
    }
}

#[test]
fn tells_where_a_stream_was_cut() {
    for (mode, stream, expected) in [
        (LF, &b"a\nbc"[..], "2 bytes had come and its end was awaited"),
        (COUNTED, b"1 a10 bc", "2 bytes had come and 10 were announced"),
        (COUNTED, b"1 a10", "2 bytes had come and its end was awaited"),
    ] {
        let (messages, errors) = read(mode, 100, stream, 3);
        assert_eq!((messages, errors[0].to_string().contains(expected)), (vec!["a".to_owned()], true), "{errors:?}");
    }
}

proptest! {
    #[test]
    fn gives_back_what_was_written(
        messages in vec("[^\n]{0,40}", 0..20), counted: bool, auto: bool, piece in 1usize..50
    ) {
        let framing = if counted { Framing::OctetCounting } else { Framing::Lf };
        // Auto tells by the first byte, and skips empty lines; octet counting has no empty message.
        let messages: Vec<_> = messages.into_iter().map(|m| format!("<{m}")).collect();
        let mut stream = Vec::new();
        for message in &messages {
            write_frame(framing, message.as_bytes(), &mut stream);
        }
        let mode = if auto { FrameMode::Auto } else { FrameMode::Only(framing) };
        prop_assert_eq!(read(mode, 200, &stream, piece), (messages, vec![]));
    }

    #[test]
    fn never_fails_badly(stream in vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'1'), Just(b' ')], 0..200), piece in 1usize..50) {
        for mode in [LF, COUNTED, FrameMode::Auto] {
            read(mode, 20, &stream, piece);
        }
    }
}
