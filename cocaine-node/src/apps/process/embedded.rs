//! Workers that run in the node's own process, as tasks.

use std::{
    any::Any,
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    io::{self, Write},
    os::unix::process::ExitStatusExt,
    panic::AssertUnwindSafe,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cocaine::Result;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{net::unix::pipe::Receiver, task::JoinHandle};

/// Runs a worker with the arguments that a process would get, to its end.
pub(crate) type EmbeddedWorker = Arc<dyn Fn(Vec<OsString>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// How many bytes of the text of an error become output: they fit into any pipe.
const MAX_ERROR: usize = 4096;

/// The exit codes of a program that returns an error, and of one that panics.
const FAILED: i32 = 1;
const PANICKED: i32 = 101;

/// The apps whose workers run in the node's own process; clones share them.
#[derive(Clone, Default)]
pub(crate) struct EmbeddedWorkers(Arc<Mutex<BTreeMap<String, EmbeddedWorker>>>);

impl EmbeddedWorkers {
    pub(crate) fn insert(&self, app: String, worker: EmbeddedWorker) {
        self.lock().insert(app, worker);
    }

    pub(crate) fn find(&self, app: &str) -> Option<EmbeddedWorker> {
        self.lock().get(app).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, EmbeddedWorker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for EmbeddedWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

/// The task of a worker. Dropping this ends it.
#[derive(Debug)]
pub(crate) struct EmbeddedTask {
    task: JoinHandle<i32>,
    ended: Option<ExitStatus>,
}

impl EmbeddedTask {
    /// Starts a worker, and returns it with its output: the error with which it ends.
    pub(crate) fn start(worker: &EmbeddedWorker, args: Vec<OsString>) -> io::Result<(Self, Receiver)> {
        let (output, mut input) = io::pipe()?;
        let worker = worker.clone();
        let task = tokio::spawn(async move {
            // The worker may panic before it returns its future.
            let run = AssertUnwindSafe(async move { worker(args).await });
            let (code, text) = match run.catch_unwind().await {
                Ok(Ok(())) => return 0,
                Ok(Err(error)) => (FAILED, error.to_string()),
                Err(panic) => (PANICKED, format!("it has panicked: {}", panic_text(&*panic))),
            };
            let text = &text[..text.floor_char_boundary(MAX_ERROR - 1)];
            // Fails only if nobody reads it any more.
            let _ = writeln!(input, "{text}");
            code
        });
        Ok((Self { task, ended: None }, Receiver::from_owned_fd(output.into())?))
    }

    /// Waits until the worker has ended.
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        if let Some(status) = self.ended {
            return status;
        }
        let status = match (&mut self.task).await {
            Ok(code) => ExitStatus::from_raw(code << 8),
            // It was killed.
            Err(_) => ExitStatus::from_raw(rustix::process::Signal::KILL.as_raw()),
        };
        *self.ended.insert(status)
    }

    pub(crate) fn kill(&self) {
        self.task.abort();
    }
}

impl Drop for EmbeddedTask {
    fn drop(&mut self) {
        self.kill();
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}
