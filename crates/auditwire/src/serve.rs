//! `auditwire serve`: the wiring, top to bottom. Configuration, logging, lock, listener, store, keys, engine, operator's
//! token and sign-in link, then serving until a signal or a failure.

use std::io::IsTerminal as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auditwire_engine::delivery::DeliverySettings;
use auditwire_engine::log::{Ended, Stop};
use auditwire_engine::secrets::Secret;
use auditwire_engine::store::StoreError;
use auditwire_engine::tasks::{Faults, Task};
use auditwire_engine::{Engine, Settings, tokens};
use auditwire_server::{BoundServer, LogCounts, ServerSettings};
use auditwire_store::{DataDir, DirError, SqliteOptions, SqliteStore, Volume, open_segments, refuse_segments_alone};
use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::{self, Config, Overrides};
use crate::descriptors::{self, Shares};
use crate::failure::{DEFECT, Failure, LOCKED, Result, chain};
use crate::keys::{self, KeySource};
use crate::lifecycle::{Hangup, Lifecycle};
use crate::notify::Manager;
use crate::reload::Reload;
use crate::sign_in::{self, LinkFor};
use crate::telemetry::{self, Telemetry};
use crate::{entry, hardening, minimums, terminal};

/// Run the service in the foreground.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  auditwire serve --data ./audit
  auditwire serve --config /etc/auditwire.toml --listen 0.0.0.0:8514 --tls-cert c.pem --tls-key k.pem
  auditwire serve --print-default-config > auditwire.toml

Prints `listening on http://ADDR:PORT/` when it is ready. The first start makes DIR/operator.token (an API token that
may do everything) and DIR/keys/. Until the operator has set a password, each start makes a one-time link to sign in to the
console, valid for 30 minutes: on a terminal it is printed, else it is in DIR/sign-in.url. SIGTERM ends the service
gracefully, a second one at once; SIGHUP reads certificate, keys and log level again. Every setting: docs/configuration.md.")]
pub(crate) struct ServeArgs {
    /// TOML file with settings.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the log and the state [default: auditwire-data].
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Address and port; port 0 picks a free one [default: 127.0.0.1:8514].
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// PEM file with our own certificate chain.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// PEM file with its private key.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Network of a reverse proxy that speaks TLS for us; may be repeated.
    #[arg(long, value_name = "CIDR")]
    behind_proxy: Vec<String>,
    /// Print every setting with its default and explanation, and end.
    #[arg(long)]
    print_default_config: bool,
    /// Do not sync commits. Loses data; exists so that a test can prove that a missing sync is noticed.
    #[arg(long, hide = true)]
    unsafe_no_sync: bool,
    /// Let a task panic at a place, when it is about something that holds a text. Exists so that a test can show what becomes
    /// of it.
    #[arg(long, hide = true, value_name = "PLACE[=TEXT]")]
    unsafe_panic_at: Vec<String>,
}

impl ServeArgs {
    fn overrides(&self) -> Overrides {
        let proxies = Some(self.behind_proxy.join(",")).filter(|list| !list.is_empty());
        [
            ("data", "dir", self.data.clone()),
            ("server", "listen", self.listen.clone()),
            ("server", "tls_cert", self.tls_cert.clone()),
            ("server", "tls_key", self.tls_key.clone()),
            ("server", "behind_proxy", proxies),
        ]
        .into_iter()
        .filter_map(|(section, key, value)| value.map(|value| (section, key, value)))
        .collect()
    }
}

/// After the end: how long threads that still work are waited for.
pub(crate) const REST_MAX: Duration = Duration::from_millis(200);

/// Serves until a signal, on the listener that was handed over if one was.
pub(crate) async fn run(args: ServeArgs, listener: Option<TcpListener>) -> Result {
    if args.print_default_config {
        return Ok(terminal::raw(config::DEFAULTS)?);
    }
    let overrides = args.overrides();
    let config = Config::load(args.config.as_deref(), std::env::vars_os(), &overrides)?;
    let telemetry = telemetry::start(&config.telemetry)?;
    hardening::warn_of_image();
    minimums::warn();
    let unsafe_ = Unsafe { no_sync: args.unsafe_no_sync, faults: faults(&args.unsafe_panic_at) };
    let lifecycle = Lifecycle::watch_signals(Hangup::Rereads, &unsafe_.faults)?;
    let reload = Reload { file: args.config, overrides, config, level: telemetry.level.clone() };
    let done = tokio::select! {
        done = work(reload, unsafe_, listener, &lifecycle, &telemetry) => done,
        () = lifecycle.hard.cancelled() => {
            Err(Failure::new("stopped at once by a second signal; nothing that was answered is lost"))
        }
    };
    telemetry.finish();
    done
}

/// Opens the service and serves until the soft end, beside what goes on while it runs.
async fn work(
    mut reload: Reload,
    unsafe_: Unsafe,
    listener: Option<TcpListener>,
    lifecycle: &Lifecycle,
    telemetry: &Telemetry,
) -> Result {
    let link = if std::io::stdout().is_terminal() { LinkFor::Person } else { LinkFor::File };
    let given = Given { link, listener, log: Some(Arc::new(telemetry.clone())) };
    let service = Service::open(&reload.config, &KeySource::from_environment(), unsafe_, given).await?;
    let (url, manager) = (service.url(), Manager::from_environment());
    greet(&service);
    manager.ready(&url);
    let (engine, certificates) = (service.engine.clone(), service.bound.certificates());
    let tasks = engine.tasks();
    let beside = async {
        tokio::join!(
            async {
                lifecycle.deaf.cancelled().await;
                tasks.die(Task::Signals);
            },
            async {
                loop {
                    lifecycle.reread.notified().await;
                    manager.reloading();
                    reload.again(&engine, certificates.as_ref()).await;
                    manager.ready(&url);
                }
            },
            async {
                lifecycle.soft.cancelled().await;
                manager.stopping();
            },
            manager.keep_told(&engine, &url),
            telemetry.tell_of_floods(),
        );
    };
    tokio::select! {
        served = service.serve(lifecycle.soft.clone()) => served,
        () = async {
            // All of it goes on for ever; what ends it is a defect, and the service ends by that.
            if tasks.caught(Task::Signals, beside).await.is_err() {
                tasks.die(Task::Signals);
            }
            std::future::pending().await
        } => Ok(()),
    }
}

/// The lines on stdout that scripts and people read. Whether anybody does is nothing to the service.
fn greet(service: &Service) {
    let url = service.url();
    let mut said = terminal::line(format!("listening on {url}"));
    if let Some(link) = service.sign_in_link() {
        let text = "to sign in to the console, open this link within 30 minutes:";
        said = said.and(terminal::line(format!("{text}\n  {}", link.expose_text())));
    }
    match said {
        Ok(()) => tracing::info!(url, "listening"),
        Err(error) => tracing::warn!(url, %error, "listening; nobody reads this program's stdout"),
    }
}

/// What a service is given from outside of its configuration.
#[derive(Debug)]
pub(crate) struct Given {
    /// Who gets the link to sign in.
    link: LinkFor,
    /// Takes the place of `server.listen`.
    listener: Option<TcpListener>,
    /// Tells what the log lost.
    log: Option<Arc<dyn LogCounts>>,
}

impl Given {
    /// Nothing but who gets the link to sign in.
    pub(crate) fn to(link: LinkFor) -> Self {
        Self { link, listener: None, log: None }
    }
}

/// What only tests ask for.
#[derive(Debug, Default)]
pub(crate) struct Unsafe {
    /// Commits are not synced.
    no_sync: bool,
    /// Where tasks panic.
    faults: Faults,
}

/// For ever: a task that is begun anew comes to the same place again.
fn faults(places: &[String]) -> Faults {
    let faults = Faults::default();
    for place in places {
        let (point, about) = place.split_once('=').unwrap_or((place, ""));
        faults.arm(point, about, u32::MAX);
    }
    faults
}

/// From the first signal to the end of the process: requests in flight, then the senders' windows, then the log.
const DRAIN_MAX: Duration = Duration::from_secs(20);
/// How long a service whose data folder is gone still says so before it ends.
const GONE_WAIT: Duration = Duration::from_secs(30);
/// The part of [`DRAIN_MAX`] that requests may use.
const REQUESTS_DRAIN_MAX: Duration = Duration::from_secs(10);

/// A service that holds its data directory and its address, and answers once [`Service::serve`] runs.
pub(crate) struct Service {
    engine: Engine,
    bound: BoundServer,
    data: DataDir,
    sign_in_link: Option<Secret>,
}

impl Service {
    /// Opens everything, in this order: lock, file descriptors, listener, store, keys, engine, operator's token and sign-in link.
    ///
    /// # Errors
    /// Exit code 3 when another process holds the data directory; else 1, saying what to do.
    pub(crate) async fn open(config: &Config, keys: &KeySource, unsafe_: Unsafe, given: Given) -> Result<Self> {
        let Unsafe { no_sync: unsafe_no_sync, faults } = unsafe_;
        let mut data = DataDir::lock(&config.data).map_err(|e| not_locked(&e))?;
        let shares = descriptors::share_out(config.server.limits.connections_max)?;
        let mut settings = server_settings(config, keys, shares);
        settings.log_counts = given.log;
        let bound = match given.listener {
            Some(listener) => auditwire_server::adopt(&settings, listener),
            None => auditwire_server::bind(&settings),
        };
        let bound = bound.map_err(|e| Failure::new(chain(&e)))?;
        if unsafe_no_sync {
            tracing::warn!("commits are not synced to disk: what is answered can be lost");
        }
        refuse_segments_alone(data.path()).map_err(|e| Failure::new(e.to_string()))?;
        data.lock_database().map_err(|e| not_locked(&e))?;
        let options = SqliteOptions { synchronous_off_for_tests: unsafe_no_sync, ..SqliteOptions::default() };
        let volume = Volume::new(data.path(), config.reserve_bytes);
        volume.make_room_to_start();
        let store = SqliteStore::open(data.path(), options).await.map_err(|e| not_opened(data.path(), &e))?;
        let store = Arc::new(store);
        let objects = open_segments(data.path(), !unsafe_no_sync).map_err(|e| Failure::new(chain(&e)))?;
        let keyring = keys::load(keys, data.path(), &*store).await?;
        let mut settings = engine_settings(config, &bound);
        settings.log.faults = faults;
        settings.log.folder = Some(Arc::new(data.watch().map_err(|e| Failure::new(chain(&e)))?));
        settings.log.disk = Some(Arc::new(volume));
        let engine = Engine::open(store, objects, Arc::new(SystemClock), Arc::new(keyring), settings)
            .await
            .map_err(|e| Failure::caused_by("the engine cannot start", &e))?;
        engine.read_keys_from(Arc::new(keys::Place::of(keys, data.path())));
        auditwire_engine::alerts::start(&engine);
        auditwire_engine::history::start(&engine);
        tokens::start(&engine);
        auditwire_engine::reading::start(&engine);
        auditwire_engine::repeats::start(&engine);
        let base = sign_in::base_url(bound.scheme(), bound.local_addr(), &config.server);
        let sign_in_link = entry::make(&engine, data.path(), &base, given.link).await?;
        Ok(Self { engine, bound, data, sign_in_link })
    }

    /// Where clients reach it.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}/", self.bound.scheme(), self.bound.local_addr())
    }

    /// The link of this start, for the person it is made for.
    pub(crate) fn sign_in_link(&self) -> Option<&Secret> {
        self.sign_in_link.as_ref()
    }

    /// Answers until `soft`, then drains. A server that ends by itself is a failure.
    ///
    /// # Errors
    /// When a part of the service failed.
    pub(crate) async fn serve(self, soft: CancellationToken) -> Result {
        let Self { engine, bound, data, .. } = self;
        let (log, tasks) = (engine.log.clone(), engine.tasks().clone());
        let failed = async {
            // A log that a defect ended is told by the death of its task, which comes first; but here both may be seen at once,
            // after the death was looked for.
            if log.ended().await != Ended::Failed || tasks.died().is_some() {
                std::future::pending::<()>().await;
            }
        };
        let ending = soft.child_token();
        let mut serving = std::pin::pin!(tasks.caught(Task::Listener, bound.serve(engine.clone(), ending.clone())));
        tokio::select! {
            biased;
            _ = tasks.death() => {
                // Whoever asks meanwhile learns why nothing is taken.
                ending.cancel();
                let _ = tokio::time::timeout(REQUESTS_DRAIN_MAX, &mut serving).await;
            }
            served = &mut serving => match served {
                Ok(served) if soft.is_cancelled() => {
                    served.map_err(|e| Failure::caused_by("the listener failed", &e))?;
                }
                Ok(Err(error)) => return Err(Failure::caused_by("the listener failed", &error)),
                Ok(Ok(())) | Err(_) => tasks.die(Task::Listener),
            },
            stop = log.stopped() => {
                if stop.why == Ended::Gone {
                    // Whoever sends meanwhile learns why nothing is taken, and readiness has time to be asked.
                    let _ = tokio::time::timeout(GONE_WAIT, &mut serving).await;
                }
                return Err(stopped(&stop));
            }
            () = failed => {
                return Err(Failure::new(
                    "the log can no longer be trusted to be on disk; everything that was answered is there: mend the disk \
                     and start again",
                ));
            }
        }
        if tokio::time::timeout(DRAIN_MAX - REQUESTS_DRAIN_MAX, engine.close()).await.is_err() {
            tracing::warn!("a SIEM did not take the rest in time; it is sent after the next start");
        }
        drop(data);
        if let Some(task) = tasks.died() {
            return Err(Failure {
                message: format!(
                    "a defect ended a part that the service cannot do without ({}), the log says where; everything that was \
                     answered is on disk: start again",
                    task.name()
                ),
                code: DEFECT,
            });
        }
        tracing::info!("stopped");
        Ok(())
    }
}

fn not_opened(data: &Path, error: &StoreError) -> Failure {
    let data = data.display();
    match error {
        StoreError::Malformed(what) => Failure::new(format!(
            "the store in {data} is damaged ({what}) and was left as it is: take what can be read with `auditwire store rescue \
             --data {data} --to NEW`, or put a back-up in its place"
        )),
        StoreError::Full(_) => {
            let text = "cannot be opened, because its volume is full to the brim: make room of a megabyte at least";
            Failure::caused_by(format!("the store in {data} {text}"), error)
        }
        _ => Failure::caused_by(format!("the store in {data} cannot be opened"), error),
    }
}

/// The log cannot go on where it is.
fn stopped(stop: &Stop) -> Failure {
    let detail = &stop.detail;
    match stop.why {
        Ended::Rival => Failure {
            message: format!(
                "another process has taken the data folder ({detail}); everything that was answered is there"
            ),
            code: LOCKED,
        },
        _ => Failure::new(format!(
            "the data folder is gone ({detail}): mount it again, or put it back, then start again; what was answered is \
             where the folder is"
        )),
    }
}

fn not_locked(error: &DirError) -> Failure {
    match error {
        DirError::InUse { .. } => {
            Failure { message: format!("{error}; stop it, or name another folder"), code: LOCKED }
        }
        DirError::Io { .. } | DirError::NoStore { .. } => Failure::new(chain(error)),
    }
}

fn server_settings(config: &Config, keys: &KeySource, shares: Shares) -> ServerSettings {
    let server = &config.server;
    let tls = server.tls.as_ref();
    let mut settings = ServerSettings::new(server.listen);
    settings.tls = tls.map(|tls| auditwire_server::TlsFiles { cert: tls.cert.clone(), key: tls.key.clone() });
    settings.behind_proxy.clone_from(&server.behind_proxy);
    settings.hostnames.clone_from(&server.hostnames);
    settings.keys_beside_data = keys.beside_data();
    settings.access = config.telemetry.access;
    settings.limits.clone_from(&server.limits);
    settings.limits.connections_max = usize::try_from(shares.connections).unwrap_or(usize::MAX);
    settings.limits.drain_max = REQUESTS_DRAIN_MAX;
    settings
}

fn engine_settings(config: &Config, bound: &BoundServer) -> Settings {
    let address: SocketAddr = bound.local_addr();
    let delivery = DeliverySettings {
        hostname: config.delivery.hostname.clone().unwrap_or_else(host_name),
        // Behind a proxy strangers reach a listener on loopback, too.
        allow_loopback: config::is_loopback(address.ip()) && config.server.behind_proxy.is_empty(),
        allow: config.delivery.allow.clone(),
        deny: config.delivery.deny.clone(),
        own_listeners: vec![address],
    };
    let (search, export) = config.search.settings();
    let (log, alerts) = (config.log.settings(), config.alerts);
    Settings { log, event: config.event, delivery, alerts, search, export }
}

/// This machine's name, as far as it may stand in a message (RFC 5424 section 6.2.4).
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}
