//! The task of the overseer for each worker: it runs the worker and applies what happens to it.

use std::{pin::pin, sync::Arc, time::Duration};

use cocaine::Code;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{Overseer, permits::WorkerPermit};
use crate::apps::worker::{
    channels::WorkerChannels,
    exit::WorkerExit,
    task::{WorkerCommand, WorkerEvent, WorkerTask},
};

/// Runs a worker to its end, and removes it.
pub(super) async fn run_worker(
    overseer: Overseer,
    uuid: Arc<str>,
    channels: Arc<WorkerChannels>,
    commands: mpsc::UnboundedReceiver<WorkerCommand>,
    permit: WorkerPermit,
) {
    let guard =
        CleanupGuard { overseer: &overseer, uuid: &uuid, channels: channels.clone(), permit: Some(permit) };
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
        overseer.environment().crashlogs.add(&overseer.config().app, &uuid, &lines).await;
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
    /// What lets the worker run, until it is removed.
    permit: Option<WorkerPermit>,
}

impl CleanupGuard<'_> {
    fn finish(mut self, exit: &WorkerExit) {
        self.remove(exit);
    }

    fn remove(&mut self, exit: &WorkerExit) {
        if let Some(permit) = self.permit.take() {
            // The next worker may need it.
            drop(permit);
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

fn log_exit(app: &str, uuid: &str, exit: &WorkerExit) {
    let reason = &exit.reason;
    if exit.crashed {
        let output = exit.output.trim_end();
        tracing::warn!(app, uuid, code = exit.code, reason, output, "a worker has crashed");
    } else {
        tracing::info!(app, uuid, code = exit.code, reason, "a worker has ended");
    }
}
