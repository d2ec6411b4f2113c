//! Frames: whatever pieces a stream comes in, the same messages come out; what came out, framed by our writer, comes out again.

use auditwire_model::connection::Framing;
use auditwire_model::wire::framing::{self, FrameError, FrameMode, FrameReader};
use auditwire_model::wire::relp::{self, RelpError, RelpFrame, RelpReader};

const MESSAGE_MAX: usize = 512;

/// The first byte chooses how frames end, the second the size of pieces.
pub(crate) fn syslog(bytes: &[u8]) {
    let [mode, step, stream @ ..] = bytes else { return };
    let mode = match mode % 3 {
        0 => FrameMode::Only(Framing::Lf),
        1 => FrameMode::Only(Framing::OctetCounting),
        _ => FrameMode::Auto,
    };
    let whole = frames(mode, stream, stream.len().max(1));
    assert_eq!(whole, frames(mode, stream, usize::from(*step).max(1)), "pieces matter");
    for framing in [Framing::Lf, Framing::OctetCounting] {
        let fits = |frame: &Vec<u8>| match framing {
            Framing::Lf => !frame.contains(&b'\n'),
            Framing::OctetCounting => !frame.is_empty(),
        };
        let expected: Vec<_> = whole.0.iter().filter_map(|frame| frame.clone().ok()).filter(fits).collect();
        let mut written = Vec::new();
        expected.iter().for_each(|frame| framing::write_frame(framing, frame, &mut written));
        let (found, ended) = frames(FrameMode::Only(framing), &written, 7);
        assert!(ended, "our own frames end in the middle");
        assert_eq!(found, expected.into_iter().map(Ok).collect::<Vec<_>>(), "our own frames are not read");
    }
}

type Frame = Result<Vec<u8>, &'static str>;

/// What comes out, and whether the stream ends between two messages. Of an error only its kind is told, and of several in a
/// row one, because how far reading had come depends on the pieces.
fn frames(mode: FrameMode, stream: &[u8], step: usize) -> (Vec<Frame>, bool) {
    let mut reader = FrameReader::new(mode, MESSAGE_MAX);
    let mut all: Vec<Frame> = Vec::new();
    for piece in stream.chunks(step) {
        reader.push(piece);
        loop {
            assert!(all.len() <= stream.len(), "it never ends");
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    assert!(frame.len() <= MESSAGE_MAX, "too long");
                    all.push(Ok(frame.to_vec()));
                }
                Ok(None) => break,
                Err(error) => {
                    let kind = if matches!(error, FrameError::TooLong { .. }) { "too long" } else { "malformed" };
                    if all.last() != Some(&Err(kind)) {
                        all.push(Err(kind));
                    }
                    // A useless stream says so again and again, and keeps nothing.
                    if reader.pending().is_empty() {
                        break;
                    }
                }
            }
        }
    }
    (all, reader.end().is_ok())
}

pub(crate) fn relp(bytes: &[u8]) {
    let [step, stream @ ..] = bytes else { return };
    let whole = relp_frames(stream, stream.len().max(1));
    assert_eq!(whole, relp_frames(stream, usize::from(*step).max(1)), "pieces matter");
    let expected: Vec<_> = whole.into_iter().flatten().collect();
    let mut written = Vec::new();
    expected.iter().for_each(|frame| relp::write_frame(frame.txnr, &frame.command, &frame.data, &mut written));
    let found: Vec<_> = relp_frames(&written, 7).into_iter().flatten().collect();
    assert_eq!(found, expected, "our own frames are not read");
}

fn relp_frames(stream: &[u8], step: usize) -> Vec<Result<RelpFrame, &'static str>> {
    let mut reader = RelpReader::new(MESSAGE_MAX);
    let mut all = Vec::new();
    for piece in stream.chunks(step) {
        reader.push(piece);
        loop {
            assert!(all.len() <= stream.len(), "it never ends");
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    assert!(frame.data.len() <= MESSAGE_MAX, "too long");
                    all.push(Ok(frame));
                }
                Ok(None) => break,
                Err(error) => {
                    all.push(Err(if matches!(error, RelpError::TooLong { .. }) { "too long" } else { "malformed" }));
                    return all;
                }
            }
        }
    }
    all
}
