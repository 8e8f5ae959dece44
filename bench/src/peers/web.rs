//! One axum app, served on a TCP port of its own and as a worker behind a node's gateway.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use axum::{Router, routing::get};
use cocaine::{Client, Worker};
use cocaine_node::{Node, config::HttpConfig, helper::Helper};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app;

/// The body of every response.
const BODY: &str = "sixty-four bytes of text, such as a small answer of an app may be.";

/// The event that the worker handles as HTTP.
const EVENT: &str = "web";

/// Returns the axum app.
fn router() -> Router {
    Router::new().route("/answer", get(|| async { BODY }))
}

/// How the app is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Site {
    /// By axum, on a TCP port.
    Direct,
    /// By a worker of a node, behind its gateway.
    Cloud,
}

impl Site {
    /// Serves and prints the URL. Returns when the standard input ends, which is when the benchmark ends.
    pub fn serve(self) -> Result<()> {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
            let (url, _node) = match self {
                Self::Direct => (direct().await?, None),
                Self::Cloud => cloud().await.map(|(url, node)| (url, Some(node)))?,
            };
            println!("{url}");
            tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
                .await??;
            Ok(())
        })
    }
}

async fn direct() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router()).await });
    Ok(format!("http://{address}/answer"))
}

async fn cloud() -> Result<(String, Node)> {
    let http = HttpConfig::default().listen("127.0.0.1:0");
    let node = Node::builder().listen("127.0.0.1:0").in_memory().helper(Helper::current_exe()).http(http);
    let node = node.start().await?;
    app::start(&Client::new(&node.locator_addr().to_string())?).await?;
    let address = node.http_addr().context("the node does not serve HTTP")?;
    check(address).await?;
    Ok((format!("http://{address}/{}/{EVENT}/answer", app::NAME), node))
}

/// Fetches the page once and checks the response.
async fn check(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let path = format!("/{}/{EVENT}/answer", app::NAME);
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

/// Registers the axum app as an event of the worker.
pub fn register(worker: Worker) -> Worker {
    worker.http(EVENT, router())
}
