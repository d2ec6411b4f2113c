//! Our side of the comparison: a process with the engine on SQLite, the syslog door, and one connection. Started as
//! `bench relay-service FOLDER PORT CERTIFICATE|-`; it says where its door is and ends with its input.

use std::path::Path;
use std::sync::Arc;

use auditwire_engine::connections::{self, ConnectionInput, Start};
use auditwire_engine::delivery::DeliverySettings;
use auditwire_engine::secrets::Keyring;
use auditwire_engine::{Engine, Settings};
use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::{ProjectId, TokenId};
use auditwire_server::doors::syslog::SyslogDoor;
use auditwire_store::{SqliteOptions, SqliteStore, open_segments};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Result;

/// Runs until standard input ends.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let [folder, port, certificate] = args else { return Err("a folder, a port and a certificate are wanted".into()) };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let certificate = (certificate != "-").then(|| std::fs::read_to_string(certificate)).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(Path::new(folder), port.parse()?, certificate.as_deref()))
}

async fn serve(folder: &Path, port: u16, certificate: Option<&str>) -> Result<()> {
    let engine = engine(folder).await?;
    let caller = Caller::Operator {
        by: Principal::Token(TokenId::parse("bench").map_err(|_| "no token id")?),
        origin: Origin::new([127, 0, 0, 1], "bench"),
    };
    let project = ProjectId::default_project();
    connect(&engine, &caller, &project, port, certificate).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    let stop = CancellationToken::new();
    let ends = stop.clone();
    std::thread::spawn(move || {
        std::io::stdin().lines().for_each(drop);
        ends.cancel();
    });
    SyslogDoor { engine, caller, project }.serve(listener, stop).await;
    Ok(())
}

/// As `auditwire serve` opens it, with the defaults.
async fn engine(folder: &Path) -> Result<Engine> {
    let store = Arc::new(SqliteStore::open(folder, SqliteOptions::default()).await?);
    let objects = open_segments(folder, true)?;
    let keyring = Arc::new(Keyring::new(vec![Keyring::generate()?]));
    let delivery = DeliverySettings { hostname: "relay".to_owned(), allow_loopback: true, ..Default::default() };
    let settings = Settings { delivery, ..Settings::default() };
    Ok(Engine::open(store, objects, Arc::new(crate::clock::SystemClock), keyring, settings).await?)
}

async fn connect(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    port: u16,
    certificate: Option<&str>,
) -> Result<()> {
    let mut body = serde_json::json!({
        "name": "relay", "endpoint": format!("127.0.0.1:{port}"), "transport": "tcp", "format": "rfc5424", "framing": "lf",
    });
    if let Some(pem) = certificate {
        body["transport"] = "tls".into();
        body["tls"] = serde_json::json!({ "pem": pem });
    }
    let input = ConnectionInput::from_json(&serde_json::to_vec(&body)?)?;
    let id = connections::create(engine, caller, project, input, None).await?.stored.id;
    connections::activate(engine, caller, project, id.as_str(), Some(Start::Now), true)
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(())
}
