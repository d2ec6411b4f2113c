//! The doors of Auditwire: our own listener, the HTTP API and the web console. Start with [`listen::bind`], which takes the address before
//! the engine exists, and [`BoundServer::serve`](listen::BoundServer::serve), which answers with the engine.
//!
//! Handlers decide nothing: they read a request, call one verb of the engine and write its answer. No SQL in this crate.

mod answer;
pub mod api;
mod app;
mod client;
mod console;
pub mod doors;
mod escapes;
pub mod listen;
mod metrics;
mod operations;
mod router;
mod transport;
mod webhook;

pub use api::sign_in_link;
pub use app::App;
pub use client::{Authority, Host, NotAProxy, NotAnAuthority, from_peer, proxy_network};
pub use listen::{
    BodyClass, BoundServer, Certificates, HttpLimits, ListenError, ServerSettings, TlsFiles, TlsFilesError, adopt, bind,
};
pub use operations::{BUILD, Build, LogCounts};
pub use router::router;
pub use transport::{ACCESS, Access};
