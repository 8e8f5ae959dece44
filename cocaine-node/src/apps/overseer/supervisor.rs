//! The task of the overseer for each worker: it runs the worker and applies what happens to it.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cocaine::{Bytes, Code, msgpack};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::Overseer;
use crate::{
    apps::worker::{
        channels::WorkerChannels,
        exit::WorkerExit,
        task::{WorkerCommand, WorkerEvent, WorkerTask},
    },
    log::format_date,
};

/// Runs a worker to its end, and removes it.
pub(super) async fn run_worker(
    overseer: Overseer,
    uuid: Arc<str>,
    channels: Arc<WorkerChannels>,
    commands: mpsc::UnboundedReceiver<WorkerCommand>,
) {
    let guard = CleanupGuard { overseer: &overseer, uuid: &uuid, channels: channels.clone(), removed: false };
    let (sender, events) = mpsc::unbounded_channel();
    let config = overseer.config().clone();
    let task = WorkerTask { config, uuid: uuid.clone(), channels, commands, events: sender };
    let mut exit = tokio::select! {
        exit = apply_events(&overseer, &uuid, task, events) => exit,
        // Dropping the task kills the process and its whole group.
        () = overseer.wait_until_killed() => WorkerExit::killed(),
    };
    let lines = std::mem::take(&mut exit.lines);
    if exit.crashed && !overseer.is_stopped() {
        store_crashlog(&overseer, &uuid, &lines).await;
    }
    if overseer.is_stopped() {
        exit.crashed = false;
    }
    log_exit(&overseer.config().app, &uuid, &exit);
    guard.finish(&exit);
}

/// Runs a worker's task, applies its events, and terminates the worker when it has been idle for too long.
async fn apply_events(
    overseer: &Overseer,
    uuid: &str,
    task: WorkerTask,
    mut events: mpsc::UnboundedReceiver<WorkerEvent>,
) -> WorkerExit {
    let idle_timeout = overseer.environment().idle_timeout(&overseer.config().profile);
    let mut idle_check: Option<Instant> = None;
    let mut task = pin!(task.run(&overseer.environment().launcher, overseer.endpoint()));
    let exit = loop {
        tokio::select! {
            // The task comes first, so that its events are applied in the same poll.
            biased;
            exit = &mut task => break exit,
            Some(event) = events.recv() => {
                if let WorkerEvent::Activated(..) = event {
                    idle_check = idle_timeout.map(|timeout| Instant::now() + timeout);
                }
                overseer.apply_event(uuid, event);
            }
            () = sleep_until(idle_check.unwrap_or_else(Instant::now)), if idle_check.is_some() => {
                let timeout = idle_timeout.unwrap_or(Duration::MAX);
                idle_check = overseer.seal_if_idle(uuid, timeout).map(Into::into);
            }
        }
    };
    while let Ok(event) = events.try_recv() {
        overseer.apply_event(uuid, event);
    }
    exit
}

/// Removes the worker on drop, so that a panicking task cannot leak it.
struct CleanupGuard<'a> {
    overseer: &'a Overseer,
    uuid: &'a str,
    channels: Arc<WorkerChannels>,
    removed: bool,
}

impl CleanupGuard<'_> {
    fn finish(mut self, exit: &WorkerExit) {
        self.remove(exit);
    }

    fn remove(&mut self, exit: &WorkerExit) {
        if !std::mem::replace(&mut self.removed, true) {
            self.channels.discard(Code::CANCELLED);
            self.overseer.endpoint().cancel_worker(self.uuid);
            self.overseer.remove_worker(self.uuid, exit);
        }
    }
}

impl Drop for CleanupGuard<'_> {
    fn drop(&mut self) {
        self.remove(&WorkerExit::task_failed());
    }
}

/// Stores the last output of a crashed worker (`node.md` 1, 5.4).
async fn store_crashlog(overseer: &Overseer, uuid: &str, lines: &[Bytes]) {
    if lines.is_empty() {
        return;
    }
    let app = overseer.config().app.as_str();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let key = format!("{}:{uuid}", now.as_micros());
    let today = format!("cocaine-{}", format_date(now.as_secs()));
    let stored = match msgpack::to_vec(lines) {
        Ok(blob) => overseer.environment().store.write("crashlogs", &key, blob.into(), &[app, &today]).await,
        Err(error) => return tracing::warn!(app, %error, "a crashlog cannot be written"),
    };
    if let Err(error) = stored {
        tracing::warn!(app, %error, "a crashlog cannot be stored");
    }
}

fn log_exit(app: &str, uuid: &str, exit: &WorkerExit) {
    let reason = &exit.reason;
    if exit.crashed {
        let output = exit.output.trim_end();
        tracing::warn!(app, uuid, code = exit.code, reason, output, "a worker has crashed");
    } else {
        tracing::info!(app, uuid, code = exit.code, reason, "a worker has ended");
    }
}
