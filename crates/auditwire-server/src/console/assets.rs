//! The stylesheet, the script and the pictures: embedded, named by their hash, so that a browser may keep them for ever.
//!
//! One stylesheet and one script are served; each is written as several small files, put together here in this order.

use std::io::Write;
use std::sync::LazyLock;

use auditwire_engine::secrets::sha256_hex;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::api::Problem;

macro_rules! parts {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        concat!($(include_str!(concat!("../../assets/", $folder, "/", $file)), "\n"),+)
    };
}

const STYLE: &str = parts!("css": "tokens.css", "base.css", "layout.css", "components.css", "forms.css", "tables.css", "events.css", "search.css", "siem.css", "delivery.css", "connection.css", "overview.css");
const SCRIPT: &str = parts!("js": "core.js", "time.js", "menu.js", "dialog.js", "live.js", "complete.js", "events.js", "beside.js", "form.js", "siem.js", "replay.js");
const ICONS: &str = include_str!("../../assets/icons.svg");
const FAVICON: &str = include_str!("../../assets/favicon.svg");

/// One asset as it is sent.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its URL, with the hash of its bytes.
    pub(crate) url: String,
    file: String,
    kind: &'static str,
    plain: Bytes,
    gzip: Bytes,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) icons: Asset,
    pub(crate) favicon: Asset,
}

/// Made once.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: asset("console.css", "text/css; charset=utf-8", STYLE),
    script: asset("console.js", "text/javascript; charset=utf-8", SCRIPT),
    icons: asset("icons.svg", "image/svg+xml", ICONS),
    favicon: asset("favicon.svg", "image/svg+xml", FAVICON),
});

fn asset(name: &str, kind: &'static str, text: &'static str) -> Asset {
    let hash = sha256_hex(text.as_bytes());
    let file = format!("{}-{name}", hash.get(..16).unwrap_or_default());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory does not fail; were it to, the plain bytes would be sent.
    let gzip = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish()).unwrap_or_default();
    Asset { url: format!("/assets/{file}"), file, kind, plain: Bytes::from_static(text.as_bytes()), gzip: gzip.into() }
}

/// `GET /assets/{file}`.
pub(super) async fn serve(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let Assets { style, script, icons, favicon } = &*ASSETS;
    let found = [style, script, icons, favicon].into_iter().find(|asset| asset.file == file);
    let Some(asset) = found else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such asset in this version"));
    };
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let fixed = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "Accept-Encoding"),
    ];
    if accepts.contains("gzip") && !asset.gzip.is_empty() {
        return Ok((fixed, [(header::CONTENT_ENCODING, "gzip")], asset.gzip.clone()).into_response());
    }
    Ok((fixed, asset.plain.clone()).into_response())
}
