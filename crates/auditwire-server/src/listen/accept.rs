//! Accepts connections, as far as there are places for them, until told to stop; then drains. [`super::serve`] speaks on them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auditwire_engine::tasks::Task;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::serve::connection;
use super::table::{Admission, Connections, Place};
use super::tls::ReloadingTls;
use crate::App;
use crate::client::{Link, network};

/// How long a connection that was told to go is waited for.
const GOING_MAX: Duration = Duration::from_secs(1);

/// What every connection task needs.
pub(super) struct Shared {
    pub(super) app: App,
    pub(super) router: axum::Router,
    pub(super) tls: Option<Arc<ReloadingTls>>,
    open: Arc<Connections>,
    /// Stop taking requests on connections that were open when the drain began.
    pub(super) drain: CancellationToken,
    /// Drop what is left.
    pub(super) hard_stop: CancellationToken,
}

/// Serves until `shutdown`, drains, and returns when no connection is left.
pub(super) async fn run(listener: TcpListener, tls: Option<Arc<ReloadingTls>>, app: App, shutdown: CancellationToken) {
    let drain_max = app.limits().drain_max;
    let shared = Arc::new(Shared {
        router: crate::router(app.clone()),
        open: Arc::new(Connections::new(app.limits())),
        app,
        tls,
        drain: CancellationToken::new(),
        hard_stop: CancellationToken::new(),
    });
    let (early, late) = (TaskTracker::new(), TaskTracker::new());
    let tasks = shared.app.engine().tasks();
    let watching = [
        tasks.spawn(Task::Certificates, watch_files(Arc::clone(&shared), shutdown.clone())),
        tasks.spawn(Task::Sweep, sweep(shared.app.clone())),
    ];
    shutdown.run_until_cancelled(accept(&listener, &shared, &early)).await;

    // Connections that come while we drain are still answered (503 from intake), so that a client that retries learns why.
    shared.app.begin_drain();
    shared.drain.cancel();
    early.close();
    tokio::select! {
        () = accept(&listener, &shared, &late) => {}
        () = early.wait() => {}
        () = tokio::time::sleep(drain_max) => tracing::warn!("requests were still under way at the end of the drain"),
    }
    drop(listener);
    late.close();
    let _ = tokio::time::timeout(Duration::from_millis(500), late.wait()).await;
    shared.hard_stop.cancel();
    early.wait().await;
    late.wait().await;
    watching.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn watch_files(shared: Arc<Shared>, stop: CancellationToken) {
    if let Some(tls) = &shared.tls {
        shared.app.engine().tasks().again(Task::Certificates, || tls.watch(&stop)).await;
    }
}

/// Looks after long answers, often enough that none outlives its time by more than an eighth.
async fn sweep(app: App) {
    let stalled_max = app.limits().stalled_max;
    let look = || async {
        loop {
            tokio::time::sleep((stalled_max / 8).max(Duration::from_millis(10))).await;
            app.answers().sweep(stalled_max);
        }
    };
    app.engine().tasks().again(Task::Sweep, look).await;
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>, tracker: &TaskTracker) {
    loop {
        shared.app.engine().tasks().reach("listener", "");
        match listener.accept().await {
            Ok((stream, peer)) => {
                let link = Link { peer, local: stream.local_addr().unwrap_or(shared.app.local()) };
                let place = admit(shared, peer).await;
                let tasks = shared.app.engine().tasks().clone();
                let served = Box::pin(connection(Arc::clone(shared), stream, link, place));
                tracker.spawn(async move { tasks.caught(Task::Client, served).await });
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                // Most often: no file descriptors left. Waiting lets connections end; accepting at once would spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// A place, once there is one. Meanwhile the next connections wait in the system's queue.
async fn admit(shared: &Shared, peer: SocketAddr) -> Place {
    let address = network(peer.ip());
    let of_proxy = shared.app.clients().is_proxy(peer.ip().to_canonical());
    loop {
        match shared.open.admit(address, of_proxy) {
            Admission::In(place) => return place,
            Admission::Instead(open) => {
                shared.app.metrics().closed("crowded_out");
                let _ = tokio::time::timeout(GOING_MAX, open.gone.cancelled()).await;
            }
            Admission::Full => shared.open.change().await,
        }
    }
}

fn is_about_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}
