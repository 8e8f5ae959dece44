//! A cloud for one test.

use std::{fmt::Display, net::SocketAddr, path::PathBuf, time::Duration};

use cocaine::{Client, Worker};
use cocaine_node::{Node, NodeBuilder, config::HttpConfig, helper::Helper};
use tokio::time::{sleep, timeout};

use crate::{
    deployment::{Deployer, Deployment},
    error::Error,
    node_thread::NodeThread,
    output::WorkerOutput,
};

/// A free port.
const ANY_PORT: &str = "127.0.0.1:0";
/// How long an event waits for a worker that fails to start.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a node may take to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(4);
/// The pause between two checks of a condition.
const INTERVAL: Duration = Duration::from_millis(2);

/// A running cloud. Dropping this stops it.
#[derive(Debug)]
pub struct Cloud {
    deployer: Deployer,
    // Dropped last.
    thread: NodeThread,
}

/// Settings of a [`Cloud`].
#[derive(Debug)]
#[must_use]
pub struct CloudBuilder {
    node: NodeBuilder,
    timeout: Duration,
}

impl CloudBuilder {
    /// Runs a gateway for HTTP ([`Cloud::http_addr`]).
    pub fn http(self) -> Self {
        self.node(|node| node.http(HttpConfig::default().listen(ANY_PORT)))
    }

    /// Changes the settings of the node.
    pub fn node(self, change: impl FnOnce(NodeBuilder) -> NodeBuilder) -> Self {
        Self { node: change(self.node), ..self }
    }

    /// Sets how long a call of an [`App`](crate::App) may take, and what is waited for; 30 s by default.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Starts the cloud.
    pub async fn start(self) -> Result<Cloud, Error> {
        let Self { node, timeout } = self;
        let output = WorkerOutput::default();
        let thread = NodeThread::start(node.helper(Helper::direct()?), output.clone()).await?;
        let locator = thread.node().locator_addr().to_string();
        let connect = async {
            let client = Client::new(&locator)?;
            let (storage, apps) = client.services().await?;
            Ok((client, storage, apps))
        };
        let (client, storage, apps) = connect.await.map_err(Error::of("a client of the new cloud"))?;
        Ok(Cloud { deployer: Deployer { client, storage, apps, output, timeout }, thread })
    }
}

impl Cloud {
    /// The default of [`CloudBuilder::timeout`].
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// Starts a cloud: a node on free ports, with its data in memory.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// Returns the settings of a cloud.
    pub fn builder() -> CloudBuilder {
        let node = Node::builder().listen(ANY_PORT).in_memory();
        let node = node.startup_timeout(STARTUP_TIMEOUT).shutdown_timeout(SHUTDOWN_TIMEOUT);
        CloudBuilder { node, timeout: Self::DEFAULT_TIMEOUT }
    }

    /// Deploys an app whose workers run in this process. `run` is what would stand in their `main`, and is called for each
    /// worker:
    ///
    /// ```no_run
    /// # async fn test(cloud: &cocaine_test::Cloud) -> Result<(), cocaine_test::Error> {
    /// let app = cloud.worker("echo", |worker| worker.on("ping", async |_| Ok(())).serve(())).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The first event starts the first worker.
    pub fn worker<F, R>(&self, app: impl Into<String>, run: F) -> Deployment<'_>
    where
        F: Fn(Worker) -> R + Send + Sync + 'static,
        R: Future<Output = cocaine::Result<()>> + Send + 'static,
    {
        let app = app.into();
        self.thread.node().embed_worker(&app, run);
        Deployment::new(&self.deployer, app, None)
    }

    /// Deploys an app whose workers are processes of this program, such as `env!("CARGO_BIN_EXE_my-worker")`.
    ///
    /// The first event starts the first worker.
    pub fn program(&self, app: impl Into<String>, program: impl Into<PathBuf>) -> Deployment<'_> {
        Deployment::new(&self.deployer, app.into(), Some(program.into()))
    }

    /// Returns a client of the cloud.
    pub fn client(&self) -> &Client {
        &self.deployer.client
    }

    /// Returns the address of the locator.
    pub fn locator_addr(&self) -> SocketAddr {
        self.thread.node().locator_addr()
    }

    /// Returns the address for HTTP clients, if [`CloudBuilder::http`] is set.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.thread.node().http_addr()
    }

    /// Waits until `poll` returns a value, and returns that. It is called again and again.
    ///
    /// # Errors
    /// No value comes in time. The error names `what`, and shows what all workers have printed last.
    pub async fn wait_for<T>(
        &self,
        what: impl Display,
        mut poll: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T, Error> {
        let Deployer { output, timeout: limit, .. } = &self.deployer;
        let poll = async {
            loop {
                if let Some(value) = poll().await {
                    return value;
                }
                sleep(INTERVAL).await;
            }
        };
        let late =
            |_| Error::Timeout { what: what.to_string(), limit: *limit, output: output.describe_all() };
        timeout(*limit, poll).await.map_err(late)
    }
}
