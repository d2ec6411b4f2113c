//! What HTTP brings beside the body itself: its compression, and the name that we are called by.

use std::io::Write as _;

use auditwire_server::api::foreign::decompress;
use auditwire_server::{Authority, Host};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Most plain bytes of a body here.
const PLAIN_MAX: usize = 1 << 20;

pub(crate) fn gzip(bytes: &[u8]) {
    if let Ok(plain) = decompress(true, bytes, PLAIN_MAX) {
        assert!(plain.len() <= PLAIN_MAX, "{} bytes came out", plain.len());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&plain).expect("memory takes all");
        again(true, &encoder.finish().expect("memory takes all"), &plain);
    }
}

pub(crate) fn zstd(bytes: &[u8]) {
    if let Ok(plain) = decompress(false, bytes, PLAIN_MAX) {
        assert!(plain.len() <= PLAIN_MAX, "{} bytes came out", plain.len());
        again(false, &zstd::bulk::compress(&plain, 1).expect("zstd compresses"), &plain);
    }
}

fn again(gzip: bool, compressed: &[u8], plain: &[u8]) {
    assert_eq!(
        decompress(gzip, compressed, PLAIN_MAX).as_deref(),
        Ok(plain),
        "what was compressed again is another body"
    );
}

/// One text a line.
pub(crate) fn host(bytes: &[u8]) {
    for text in String::from_utf8_lossy(bytes).lines() {
        let Ok(authority) = text.parse::<Authority>() else { continue };
        assert_eq!(authority.to_string().parse(), Ok(authority.clone()), "{text}");
        let strange = |c: char| !c.is_ascii_graphic() || matches!(c, '@' | '/' | '?' | '#' | '%' | ',' | '\\');
        assert!(!text.contains(strange), "{text:?} is a host");
        if let Host::Name(name) = &authority.host {
            assert!(name.parse::<std::net::IpAddr>().is_err() && !name.contains([':', '[', ']']), "{text} is no name");
        }
    }
}
