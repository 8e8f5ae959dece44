//! One axum app: served on a TCP port of its own, behind other proxies, and as a worker behind a node's gateway.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use axum::{Router, routing::get};
use cocaine::{Client, Worker};
use cocaine_node::{Node, config::HttpConfig, helper::Helper};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::proxies::ProxyKind;
use crate::app;

/// The body of every response.
const BODY: &str = "sixty-four bytes of text, such as a small answer of an app may be.";

/// The event that the worker handles as HTTP.
const EVENT: &str = "web";

/// The same, on the thread of the worker's connection.
const INLINE_EVENT: &str = "inline_web";

/// Returns the axum app.
fn router() -> Router {
    Router::new().route("/answer", get(|| async { BODY }))
}

impl Site {
    /// Returns the name of the site on the command line.
    pub fn argument(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Cloud => "cloud",
            Self::Inline => "inline",
        }
    }
}

/// How the app is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Site {
    /// By axum, on a TCP port.
    Direct,
    /// By axum, behind nginx.
    Nginx,
    /// By axum, behind haproxy.
    Haproxy,
    /// By a worker of a node, behind its gateway.
    Cloud,
    /// The same, on the thread of the worker's connection.
    Inline,
}

impl Site {
    /// Serves and prints the URL. Returns when the standard input ends, which is when the benchmark ends.
    pub fn serve(self) -> Result<()> {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
            let (url, _running) = match self {
                Self::Direct => (url_of_app(direct().await?), None),
                Self::Nginx => behind(ProxyKind::Nginx).await?,
                Self::Haproxy => behind(ProxyKind::Haproxy).await?,
                Self::Cloud => cloud(EVENT).await?,
                Self::Inline => cloud(INLINE_EVENT).await?,
            };
            println!("{url}");
            tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
                .await??;
            Ok(())
        })
    }
}

/// What runs as long as the site.
type Running = Option<Box<dyn std::any::Any>>;

async fn behind(proxy: ProxyKind) -> Result<(String, Running)> {
    let (proxy, address) = proxy.start(direct().await?)?;
    Ok((url_of_app(address), Some(Box::new(proxy))))
}

fn url_of_app(address: SocketAddr) -> String {
    format!("http://{address}/answer")
}

async fn direct() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router()).await });
    Ok(address)
}

async fn cloud(event: &str) -> Result<(String, Running)> {
    let http = HttpConfig::default().listen("127.0.0.1:0");
    let node = Node::builder().listen("127.0.0.1:0").in_memory().helper(Helper::current_exe()).http(http);
    let node = node.start().await?;
    app::start(&Client::new(&node.locator_addr().to_string())?).await?;
    let address = node.http_addr().context("the node does not serve HTTP")?;
    let path = format!("/{}/{event}/answer", app::NAME);
    check(address, &path).await?;
    Ok((format!("http://{address}{path}"), Some(Box::new(node))))
}

/// Fetches the page once and checks the response.
async fn check(address: SocketAddr, path: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(BODY),
        "an unexpected response: {answer}"
    );
    Ok(())
}

/// Registers the axum app as events of the worker.
pub fn register(worker: Worker) -> Worker {
    worker.http(EVENT, router()).http_inline(INLINE_EVENT, router())
}
