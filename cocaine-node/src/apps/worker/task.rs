//! The task of one worker, from the start of its process to its end (`node.md` 5.3, 5.4).

use std::{future::pending, io, mem, pin::pin, process::ExitStatus, sync::Arc, time::Duration};

use cocaine::{
    Code, Error,
    server::{Connection, StreamedEvents},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};

use super::{
    channels::WorkerChannels,
    control::{ControlChannel, WorkerMessage},
    endpoint::{Handshake, WorkerEndpoint},
    exit::{ConnectionEnd, WorkerExit, code},
    launcher::WorkerLauncher,
    state::WorkerState,
};
use crate::apps::{
    process::{running::RunningProcess, worker_process::WorkerProcess},
    profile::config::AppConfig,
};

/// What the owner of a worker makes it do.
#[derive(Debug)]
pub(crate) enum WorkerCommand {
    /// Expects the worker to finish its events within the seal timeout; it gets no more.
    Seal,
    /// Terminates a sealed worker that has finished its events.
    TerminateSealed,
    /// Terminates a worker for having no events.
    TerminateIdle,
    /// Terminates the worker because the app stops.
    Stop,
}

/// What happens to a worker before its exit.
#[derive(Debug)]
pub(crate) enum WorkerEvent {
    /// The worker is active: it takes events on this connection, some of them with bodies in pieces.
    Activated(Connection, StreamedEvents),
    /// The worker is in another state.
    StateChanged(WorkerState),
}

/// How long the last messages of an exited process may take to arrive.
const LAST_MESSAGES: Duration = Duration::from_secs(1);
/// How often a worker gets a heartbeat while its own are not read.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// How long a process may take to exit after its connection has ended.
const EXIT_AFTER_EOF: Duration = Duration::from_millis(200);

/// One worker. Its owner gets its events through a channel, and its exit from [`WorkerTask::run`].
pub(crate) struct WorkerTask {
    pub(crate) config: Arc<AppConfig>,
    pub(crate) uuid: Arc<str>,
    pub(crate) channels: Arc<WorkerChannels>,
    pub(crate) commands: mpsc::UnboundedReceiver<WorkerCommand>,
    pub(crate) events: mpsc::UnboundedSender<WorkerEvent>,
}

impl WorkerTask {
    /// Runs the worker to its end.
    pub(crate) async fn run(self, launcher: &WorkerLauncher, endpoint: &WorkerEndpoint) -> WorkerExit {
        let handshake = endpoint.expect_worker(&self.uuid);
        let starting = launcher.launch(&self.config, endpoint.path(), &self.uuid);
        match timeout(self.config.profile.spawn_timeout, starting).await {
            Ok(Ok(process)) => self.run_process(process, handshake).await,
            Ok(Err(error)) => {
                WorkerExit::crash(code::SPAWN, format!("its process cannot be started: {error}"))
            }
            Err(_) => WorkerExit::crash(code::SPAWN, "its process did not start in time"),
        }
    }

    async fn run_process(
        mut self,
        mut running: RunningProcess,
        handshake: oneshot::Receiver<Handshake>,
    ) -> WorkerExit {
        self.set_state(WorkerState::Handshaking);
        let mut exit = match self.await_handshake(&mut running.process, handshake).await {
            Ok(handshake) => self.run_connection(&mut running.process, handshake).await,
            Err(exit) => exit,
        };
        self.set_state(WorkerState::Broken);
        let output = if exit.crashed { running.stop().await } else { running.wait_or_stop().await };
        exit.output = output.last_lines();
        exit.lines = output.into_lines();
        exit
    }

    async fn await_handshake(
        &mut self,
        process: &mut WorkerProcess,
        mut handshake: oneshot::Receiver<Handshake>,
    ) -> Result<Handshake, WorkerExit> {
        let limit = self.config.profile.handshake_timeout;
        let mut late = pin!(sleep(limit));
        loop {
            tokio::select! {
                biased;
                received = &mut handshake => match received {
                    Ok(handshake) => return Ok(handshake),
                    Err(_) => return Err(WorkerExit::crash(code::ACTIVATE, "its handshake was lost")),
                },
                status = process.wait() => {
                    // A worker that connected before it exited was active, if briefly.
                    if let Ok(handshake) = handshake.try_recv() {
                        return Ok(handshake);
                    }
                    let text = format!("its process ended before the handshake: {}", describe(&status));
                    return Err(WorkerExit::crash(code::ACTIVATE, text));
                }
                () = &mut late => {
                    let text = format!("it did not connect to its node within {limit:?}");
                    return Err(WorkerExit::crash(code::ACTIVATE_TIMEOUT, text));
                }
                command = self.commands.recv() => if let Some(WorkerCommand::Stop) | None = command {
                    return Err(WorkerExit::terminated(code::SHUTDOWN, "the app is stopped"));
                },
            }
        }
    }

    /// Runs an active worker. When this returns, its connection is closed and its clients have their errors.
    async fn run_connection(&mut self, process: &mut WorkerProcess, handshake: Handshake) -> WorkerExit {
        let Handshake { connection, rx, tx, streamed } = handshake;
        self.send(WorkerEvent::Activated(connection.clone(), streamed));
        let mut control = ControlChannel::new(rx, tx);
        let ConnectionEnd { mut exit, cause } = self.await_end(process, &connection, &mut control).await;
        self.set_state(WorkerState::Broken);
        self.channels.discard(cause);
        connection.close(&Error::service(cause, exit.reason.clone()));
        control.abandon();
        if cause == Code::EOF
            && let Ok(status) = timeout(EXIT_AFTER_EOF, process.wait()).await
        {
            exit.reason = format!("its process has ended: {}", describe(&status));
        }
        exit
    }

    /// Carries out commands and watches heartbeats until the connection ends, or has to.
    async fn await_end(
        &mut self,
        process: &mut WorkerProcess,
        connection: &Connection,
        control: &mut ControlChannel,
    ) -> ConnectionEnd {
        let profile = &self.config.profile;
        let (heartbeat_timeout, seal_timeout) = (profile.heartbeat_timeout, profile.seal_timeout);
        let mut silent = pin!(sleep(heartbeat_timeout));
        let mut heartbeats = interval(HEARTBEAT_INTERVAL);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut congestions = 0;
        let mut exited = false;
        let mut seal_deadline: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(WorkerCommand::Seal) => seal_deadline = Some(Instant::now() + seal_timeout),
                    Some(WorkerCommand::TerminateSealed) => return self.terminate(control, code::SEALED).await,
                    Some(WorkerCommand::TerminateIdle) => return self.terminate(control, code::IDLE).await,
                    Some(WorkerCommand::Stop) | None => return self.terminate(control, code::SHUTDOWN).await,
                },
                _ = process.wait(), if !exited => {
                    exited = true;
                    silent.as_mut().reset(Instant::now() + LAST_MESSAGES);
                }
                message = control.recv() => match message {
                    // A heartbeat from before the exit does not extend the time for the last messages.
                    Ok(WorkerMessage::Heartbeat) if exited => {}
                    Ok(WorkerMessage::Heartbeat) => silent.as_mut().reset(Instant::now() + heartbeat_timeout),
                    Ok(WorkerMessage::Terminate(reason)) => {
                        let text = format!("it ended itself: {reason}");
                        return ConnectionEnd::closed(WorkerExit::crash(code::SUICIDE, text));
                    }
                    Err(error) => return ConnectionEnd::lost(&error),
                },
                // Clients are slow to read what the worker sends, and its heartbeats wait unread behind that.
                _ = heartbeats.tick() => if connection.congestion().1
                    && let Err(error) = control.send_heartbeat()
                {
                    return ConnectionEnd::lost(&error);
                },
                () = &mut silent => {
                    let (count, is_congested) = connection.congestion();
                    if is_congested || count != mem::replace(&mut congestions, count) {
                        silent.as_mut().reset(Instant::now() + heartbeat_timeout);
                        continue;
                    }
                    if exited {
                        return ConnectionEnd::process_exited();
                    }
                    let text = format!("it sent no heartbeat for {heartbeat_timeout:?}");
                    return ConnectionEnd::closed(WorkerExit::crash(code::HEARTBEAT_TIMEOUT, text));
                },
                () = sleep_until_some(seal_deadline) => return self.terminate(control, code::SEAL_TIMEOUT).await,
            }
        }
    }

    /// Sends terminate, and waits until the worker confirms it; it may finish its events first (`worker.md` 3.5).
    async fn terminate(&self, control: &mut ControlChannel, code: i64) -> ConnectionEnd {
        self.set_state(WorkerState::Terminating);
        let reason = match code {
            code::SHUTDOWN => "overseer is shutting down",
            code::SEAL_TIMEOUT => "timed out while sealing",
            code::IDLE => "slave is idle",
            _ => "slave is sealing",
        };
        control.send_terminate(code, reason);
        let limit = self.config.profile.terminate_timeout;
        let confirmed = async { while let Ok(WorkerMessage::Heartbeat) = control.recv().await {} };
        ConnectionEnd::closed(match timeout(limit, confirmed).await {
            Ok(()) => WorkerExit::terminated(code, reason),
            Err(_) => WorkerExit::terminated(code, format!("{reason}; it did not end within {limit:?}")),
        })
    }

    fn set_state(&self, state: WorkerState) {
        self.send(WorkerEvent::StateChanged(state));
    }

    fn send(&self, event: WorkerEvent) {
        // Fails only if the owner is gone, and with it the reader of the state.
        let _ = self.events.send(event);
    }
}

/// Sleeps until a deadline, or for ever without one.
async fn sleep_until_some(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Returns how a process has ended, as a text.
fn describe(status: &io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}
