//! The server: the database over HTTP and gRPC and its backups over HTTP, configured by the environment.

mod environment;
mod modules;
mod routes;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use siltstone::settings::HostSettings;
use siltstone::{Error, Host, HostBuilder, Result};
use siltstone_db::{Access, Database, Identity, Options, grpc};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::signals::Signals;

/// Serve a database over HTTP and gRPC, and its backups over HTTP.
///
/// Everything but the address is configured by environment variables: PERSISTENCE_DATA_PATH (the data folder,
/// `./data`), ENABLE_MODULES (`backup-filesystem`), BACKUP_FILESYSTEM_PATH (`./backups` as long as ENABLE_MODULES is not
/// set either), CLUSTER_HOSTNAME (`node1`), and those that the documentation of Siltstone lists. RUST_LOG sets what is
/// logged to standard error.
///
/// Everybody who reaches the server may do everything, unless AUTHENTICATION_APIKEY_ENABLED with
/// AUTHENTICATION_APIKEY_ALLOWED_KEYS and AUTHENTICATION_APIKEY_USERS, or AUTHENTICATION_DB_USERS_ENABLED, ask for keys;
/// AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED also admits callers without one. AUTHORIZATION_ADMINLIST_ENABLED with
/// AUTHORIZATION_ADMINLIST_USERS and AUTHORIZATION_ADMINLIST_READONLY_USERS says what users may do.
///
/// An interrupt or SIGTERM cancels running backups and restores, closes the database and ends with exit code 0.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Address to listen at.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: String,
    /// Port to listen at; 0 takes any that is free.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port for gRPC at the same address; 0 takes any that is free.
    #[arg(long, env = "GRPC_PORT", default_value_t = 50051, value_name = "PORT")]
    grpc_port: u16,
    /// The data folder; wins over PERSISTENCE_DATA_PATH.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// How long requests may go on after the wish to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until a signal comes.
pub(crate) async fn run(args: Args) -> Result<()> {
    let mut signals = Signals::listen()?;
    raise_open_files();
    let variables = environment::with_defaults(siltstone::settings::environment())?;
    let settings = HostSettings::from_env(&variables)?;
    let access = Access::from_env(&variables)?;
    let folder = args.data.unwrap_or_else(|| environment::data_folder(&variables));
    let folder = std::path::absolute(&folder).map_err(|e| Error::io("start", &folder, e))?;
    let (listener, address) = listen(&args.host, args.port).await?;
    let (grpc_listener, grpc_address) = listen(&args.host, args.grpc_port).await?;

    let database = open(folder.clone()).await?;
    let shared = Arc::new(database.clone());
    let host = HostBuilder::new(Arc::clone(&shared) as _, shared, folder, settings)
        .environment(variables.clone())
        .build()
        .await?;
    let url = format!("http://{address}");
    announce(&url, grpc_address, &host)?;

    let (stop, stopped) = watch::channel(());
    let identity = Identity {
        node: host.node().to_string(),
        hostname: url,
        modules: modules::modules(&host, &variables),
    };
    let app = routes::router(&database, host.clone(), identity, access.clone());
    let rest = axum::serve(listener, app).with_graceful_shutdown(dropped(stopped.clone())).into_future();
    let rest = async { rest.await.map_err(|e| Error::internal("serve", "the server failed").with_source(e)) };
    let grpc = grpc::serve(grpc_listener, database.clone(), access, dropped(stopped));
    let mut server = tokio::spawn(async { tokio::try_join!(rest, grpc).map(drop) });
    tokio::select! {
        () = signals.next() => tracing::info!("stopping"),
        ended = &mut server => return Err(broken(ended)),
    }
    drop(stop);
    host.shutdown().await;
    if tokio::time::timeout(GRACE, &mut server).await.is_err() {
        tracing::warn!(seconds = GRACE.as_secs(), "requests that did not end in time are dropped");
        server.abort();
    }
    drop(host);
    close(database).await?;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(host: &str, port: u16) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((host, port))
        .await
        .map_err(|e| Error::invalid("start", format!("cannot listen at {host}:{port}")).with_source(e))?;
    let address = listener.local_addr().map_err(|e| Error::io("start", "the listening socket", e))?;
    Ok((listener, address))
}

/// Waits until the sender is dropped.
async fn dropped(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

/// Every open shard holds a journal, tables and folders open, and every connection a socket: takes all that the system
/// gives this process.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(current = ?limit.current, %error, "the limit of open files cannot be raised");
    }
}

async fn open(folder: PathBuf) -> Result<Database> {
    tokio::task::spawn_blocking(move || Database::open(Options::new(folder)))
        .await
        .map_err(|e| Error::internal("start", "the database could not be opened").with_source(e))?
}

async fn close(database: Database) -> Result<()> {
    tokio::task::spawn_blocking(move || database.close())
        .await
        .map_err(|e| Error::internal("stop", "the database could not be closed").with_source(e))?
}

/// Says on standard output where everything is, once it can be reached.
fn announce(url: &str, grpc: SocketAddr, host: &Host) -> Result<()> {
    let mut text = format!("listening at {url}\ngRPC at {grpc}\n");
    for backend in host.backends() {
        text.push_str(&format!("backups of backend `{}` go to {}\n", backend.name, backend.home));
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Error::io("print", "standard output", e))
}

fn broken(ended: Result<Result<()>, tokio::task::JoinError>) -> Error {
    let error = Error::internal("serve", "the server ended unexpectedly");
    match ended {
        Ok(Ok(())) => error,
        Ok(Err(e)) => error.with_source(e),
        Err(e) => error.with_source(e),
    }
}
