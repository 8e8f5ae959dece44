//! The thread of a node.
//!
//! The node has a runtime of its own, so that tests may block theirs, and so that a cloud can stop while it is dropped.

use std::{
    io,
    thread::{self, JoinHandle},
    time::Duration,
};

use cocaine_node::{Node, NodeBuilder, log::LogSelection};
use tokio::{runtime::Runtime, sync::oneshot};

use crate::{error::Error, output::WorkerOutput};

/// How many threads run the node and the workers in this process.
const WORKER_THREADS: usize = 2;
/// How long a thread that a worker blocks may go on after the node has stopped.
const RUNTIME_TIMEOUT: Duration = Duration::from_secs(1);

/// The thread of a running node. Dropping this stops the node.
#[derive(Debug)]
pub(crate) struct NodeThread {
    thread: Option<JoinHandle<()>>,
    /// What is to stop: the node, and what uses its runtime.
    stop: Option<oneshot::Sender<Node>>,
    node: Option<Node>,
}

impl NodeThread {
    pub(crate) async fn start(builder: NodeBuilder, output: WorkerOutput) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKER_THREADS)
            .enable_all()
            .build()?;
        let (started, node) = oneshot::channel();
        let (stop, stopping) = oneshot::channel();
        let run = move || run(runtime, builder, output, started, stopping);
        let thread = Some(thread::Builder::new().name("cocaine-test".into()).spawn(run)?);
        let mut thread = Self { thread, stop: Some(stop), node: None };
        let Ok(node) = node.await else {
            thread.join();
            return Err(Error::Io(io::Error::other("its thread has ended")));
        };
        thread.node = Some(node?);
        Ok(thread)
    }

    pub(crate) fn node(&self) -> &Node {
        // There is one until this is dropped.
        self.node.as_ref().expect("a node")
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for NodeThread {
    fn drop(&mut self) {
        if let (Some(stop), Some(node)) = (self.stop.take(), self.node.take()) {
            // Fails only if the thread has panicked.
            let _ = stop.send(node);
        }
        self.join();
    }
}

type StartResult = Result<Node, Error>;

/// Runs a node until it is sent back.
fn run(
    runtime: Runtime,
    builder: NodeBuilder,
    output: WorkerOutput,
    started: oneshot::Sender<StartResult>,
    stopping: oneshot::Receiver<Node>,
) {
    runtime.block_on(async {
        let node = match builder.start().await {
            Ok(node) => node,
            Err(error) => return drop(started.send(Err(error.into()))),
        };
        let recording = match node.follow_log(LogSelection::default()) {
            Ok(follower) => Some(tokio::spawn(output.record(follower))),
            // It is the first one.
            Err(_) => None,
        };
        if let Err(unstarted) = started.send(Ok(node)) {
            if let Ok(node) = unstarted {
                node.shutdown().await;
            }
            return;
        }
        if let Ok(node) = stopping.await {
            node.shutdown().await;
        }
        if let Some(recording) = recording {
            // Fails only if it has panicked.
            let _ = recording.await;
        }
    });
    runtime.shutdown_timeout(RUNTIME_TIMEOUT);
}
