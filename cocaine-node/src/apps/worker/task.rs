//! One worker process, from its start to its end (`node.md` 5.3, 5.4).

use std::{future::pending, io, pin::pin, process::ExitStatus, sync::Arc, time::Duration};

use cocaine::{
    Bytes, Category, Code, Error,
    bind::{DynReceiver, DynSender},
    control::{HEARTBEAT, TERMINATE},
    server::Connection,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant as Moment, sleep, sleep_until, timeout},
};

use super::{channels::Channels, endpoint::Hello};
use crate::apps::{
    overseer::{Overseer, Phase},
    process::spawner::Process,
    worker::launcher::Shift,
};

/// What a worker's task is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// To take nothing more, and to end when what it has taken is finished.
    Seal,
    /// To end.
    Stop,
    /// That it is sealed and has nothing to do any more.
    Look,
}

/// Codes of [`Category::SLAVE`].
mod code {
    pub(super) const SPAWN: i64 = 1;
    pub(super) const ACTIVATE_TIMEOUT: i64 = 4;
    pub(super) const ACTIVATE: i64 = 5;
    pub(super) const SEAL_TIMEOUT: i64 = 6;
    pub(super) const HEARTBEAT_TIMEOUT: i64 = 8;
    pub(super) const LOST: i64 = 10;
    pub(super) const SHUTDOWN: i64 = 11;
    pub(super) const SUICIDE: i64 = 12;
    pub(super) const IDLE: i64 = 13;
    pub(super) const SEALED: i64 = 14;
}

/// How a worker has ended.
#[derive(Clone, Debug)]
pub(crate) struct Death {
    pub(crate) code: i64,
    pub(crate) reason: String,
    /// The end of what it has printed.
    pub(crate) output: String,
    /// It counts as a crash: its output is kept, and the next one has to wait.
    pub(crate) crashed: bool,
    /// It had nothing to do.
    pub(crate) idle: bool,
}

impl Death {
    fn crash(code: i64, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { code, reason, output: String::new(), crashed: true, idle: false }
    }

    /// An end that the node has asked for.
    fn asked(code: i64, reason: &str) -> Self {
        Self { crashed: false, ..Self::crash(code, reason) }
    }

    /// Returns what a client is told whose event waits for an app that does not start.
    pub(crate) fn told(&self, app: &str) -> Error {
        let output = match self.output.trim_end() {
            "" => "it has printed nothing".to_owned(),
            output => format!("its output ends with:\n{output}"),
        };
        let text = format!("the app `{app}` does not start: {}; {output}", self.reason);
        Error::service(Code::new(Category::SLAVE, self.code), text)
    }
}

/// How long the rest of what a dead process has sent may take to arrive.
const REMAINS: Duration = Duration::from_secs(1);
/// How long a process may take to end whose connection has.
const EXIT: Duration = Duration::from_millis(200);

/// Runs a worker to its end.
pub(crate) async fn live(
    overseer: Overseer,
    uuid: Arc<str>,
    channels: Arc<Channels>,
    orders: mpsc::UnboundedReceiver<Order>,
) {
    let grave = Grave { overseer: &overseer, uuid: &uuid, channels: channels.clone(), buried: false };
    let hello = overseer.setup().endpoint.expect(&uuid);
    let shift = overseer.setup().workshop.begin(overseer.setup(), &uuid);
    let life = Life { overseer: overseer.clone(), uuid: uuid.clone(), channels, orders };
    let mut death = match timeout(overseer.setup().profile.spawn_timeout, shift).await {
        Ok(Ok(shift)) => life.run(shift, hello).await,
        Ok(Err(error)) => Death::crash(code::SPAWN, format!("its process cannot be started: {error}")),
        Err(_) => Death::crash(code::SPAWN, "its process did not start in time"),
    };
    if overseer.is_stopped() {
        death.crashed = false;
    }
    report(&overseer, &uuid, &death);
    grave.close(&death);
}

/// Sees to it that a worker is forgotten, even if its task fails.
struct Grave<'a> {
    overseer: &'a Overseer,
    uuid: &'a str,
    channels: Arc<Channels>,
    buried: bool,
}

impl Grave<'_> {
    fn close(mut self, death: &Death) {
        self.bury(death);
    }

    fn bury(&mut self, death: &Death) {
        if !std::mem::replace(&mut self.buried, true) {
            self.channels.discard(Code::CANCELLED);
            self.overseer.setup().endpoint.forget(self.uuid);
            self.overseer.bury(self.uuid, death);
        }
    }
}

impl Drop for Grave<'_> {
    fn drop(&mut self) {
        self.bury(&Death::crash(code::ACTIVATE, "the node failed to look after it"));
    }
}

fn report(overseer: &Overseer, uuid: &str, death: &Death) {
    let (app, reason) = (&overseer.setup().app, &death.reason);
    if death.crashed {
        let output = death.output.trim_end();
        tracing::warn!(app, uuid, code = death.code, reason, output, "a worker has crashed");
    } else {
        tracing::info!(app, uuid, code = death.code, reason, "a worker has ended");
    }
}

struct Life {
    overseer: Overseer,
    uuid: Arc<str>,
    channels: Arc<Channels>,
    orders: mpsc::UnboundedReceiver<Order>,
}

impl Life {
    async fn run(mut self, mut shift: Shift, hello: oneshot::Receiver<Hello>) -> Death {
        self.overseer.set_phase(&self.uuid, Phase::Handshaking);
        let mut death = match self.await_handshake(&mut shift.process, hello).await {
            Ok(hello) => self.work(&mut shift.process, hello).await,
            Err(death) => death,
        };
        self.overseer.set_phase(&self.uuid, Phase::Broken);
        let remains = if death.crashed { shift.stop().await } else { shift.leave().await };
        death.output = remains.tail();
        if death.crashed && !self.overseer.is_stopped() {
            remains.keep_crashlog(&self.overseer.setup().app, &self.uuid).await;
        }
        death
    }

    async fn await_handshake(
        &mut self,
        process: &mut Process,
        mut hello: oneshot::Receiver<Hello>,
    ) -> Result<Hello, Death> {
        let limit = self.overseer.setup().profile.handshake_timeout;
        let mut late = pin!(sleep(limit));
        loop {
            tokio::select! {
                biased;
                hello = &mut hello => match hello {
                    Ok(hello) => return Ok(hello),
                    Err(_) => return Err(Death::crash(code::ACTIVATE, "its handshake was lost")),
                },
                status = process.wait() => {
                    // One that has connected and died at once is an active one that has died.
                    if let Ok(hello) = hello.try_recv() {
                        return Ok(hello);
                    }
                    let text = format!("its process ended before the handshake: {}", describe(&status));
                    return Err(Death::crash(code::ACTIVATE, text));
                }
                () = &mut late => {
                    let text = format!("it did not connect to its node within {limit:?}");
                    return Err(Death::crash(code::ACTIVATE_TIMEOUT, text));
                }
                order = self.orders.recv() => if let Some(Order::Stop) | None = order {
                    return Err(Death::asked(code::SHUTDOWN, "the app is stopped"));
                },
            }
        }
    }

    /// Attends to an active worker; on return its connection is closed, and its clients have been told.
    async fn work(&mut self, process: &mut Process, hello: Hello) -> Death {
        let Hello { connection, rx, tx } = hello;
        self.overseer.activate(&self.uuid, connection.clone());
        let heartbeat = self.overseer.setup().profile.heartbeat_timeout;
        let mut control = Control { connection, rx, tx: Some(tx), heartbeat };
        let mut end = self.attend(process, &mut control).await;
        self.overseer.set_phase(&self.uuid, Phase::Broken);
        self.channels.discard(end.cause);
        control.connection.close(&Error::service(end.cause, end.death.reason.clone()));
        if let Some(tx) = control.tx {
            tx.abandon();
        }
        if end.cause == Code::EOF
            && let Ok(status) = timeout(EXIT, process.wait()).await
        {
            end.death.reason = format!("its process has ended: {}", describe(&status));
        }
        end.death
    }

    async fn attend(&mut self, process: &mut Process, control: &mut Control) -> End {
        let seal_timeout = self.overseer.setup().profile.seal_timeout;
        let mut silent = pin!(sleep(control.heartbeat));
        let mut exited = false;
        let mut sealed: Option<Moment> = None;
        let allowed = self.overseer.setup().workshop.idle_timeout(&self.overseer.setup().profile);
        let mut idle = allowed.map(|allowed| Moment::now() + allowed);
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Stop) | None => return self.terminate(control, code::SHUTDOWN).await,
                    Some(Order::Seal) => sealed = Some(Moment::now() + seal_timeout),
                    Some(Order::Look) => {}
                },
                _ = process.wait(), if !exited => {
                    exited = true;
                    silent.as_mut().reset(Moment::now() + REMAINS);
                }
                said = control.next() => match said {
                    // What a process has said before its end does not keep it alive.
                    Ok(Said::Heartbeat) if exited => {}
                    Ok(Said::Heartbeat) => silent.as_mut().reset(Moment::now() + control.heartbeat),
                    Ok(Said::Terminate(reason)) => {
                        let text = format!("it ended itself: {reason}");
                        return End::node(Death::crash(code::SUICIDE, text));
                    }
                    Err(error) => return End::lost(&error),
                },
                () = &mut silent => return End::silent(exited, control.heartbeat),
                () = at(sealed) => return self.terminate(control, code::SEAL_TIMEOUT).await,
                () = at(idle), if sealed.is_none() => {
                    idle = allowed.and_then(|allowed| self.overseer.seal_idle(&self.uuid, allowed)).map(Into::into);
                    if idle.is_none() {
                        let end = self.terminate(control, code::IDLE).await;
                        return End { death: Death { idle: true, ..end.death }, ..end };
                    }
                }
            }
            if sealed.is_some() && self.overseer.load(&self.uuid) == 0 {
                return self.terminate(control, code::SEALED).await;
            }
        }
    }

    /// Tells the worker to end, and lets it finish until it says that it has (`worker.md` 3.5).
    async fn terminate(&self, control: &mut Control, code: i64) -> End {
        self.overseer.set_phase(&self.uuid, Phase::Terminating);
        let reason = match code {
            code::SHUTDOWN => "overseer is shutting down",
            code::SEAL_TIMEOUT => "timed out while sealing",
            code::IDLE => "slave is idle",
            _ => "slave is sealing",
        };
        control.terminate(code, reason);
        let limit = self.overseer.setup().profile.terminate_timeout;
        let confirmed = async { while let Ok(Said::Heartbeat) = control.next().await {} };
        let death = match timeout(limit, confirmed).await {
            Ok(()) => Death::asked(code, reason),
            Err(_) => Death::asked(code, &format!("{reason}; it did not end within {limit:?}")),
        };
        End::node(death)
    }
}

async fn at(moment: Option<Moment>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// How an active worker has ended, and what its clients are told.
struct End {
    death: Death,
    cause: Code,
}

impl End {
    /// The node has ended it.
    fn node(death: Death) -> Self {
        Self { death, cause: Code::CANCELLED }
    }

    /// Its connection has ended.
    fn lost(error: &Error) -> Self {
        let death = Death::crash(code::LOST, error.kind().to_string());
        Self { death, cause: error.wire_code().unwrap_or(Code::EOF) }
    }

    /// Nothing has come from it for too long.
    fn silent(exited: bool, limit: Duration) -> Self {
        if exited {
            return Self { death: Death::crash(code::LOST, "its process has ended"), cause: Code::EOF };
        }
        let reason = format!("it sent no heartbeat for {limit:?}");
        Self::node(Death::crash(code::HEARTBEAT_TIMEOUT, reason))
    }
}

/// What a worker says of itself.
enum Said {
    Heartbeat,
    Terminate(String),
}

/// The channel on which node and worker speak of the worker itself.
struct Control {
    connection: Connection,
    rx: DynReceiver,
    tx: Option<DynSender>,
    heartbeat: Duration,
}

impl Control {
    /// Waits for what the worker says next; each heartbeat is answered. Nothing is lost when this is dropped.
    async fn next(&mut self) -> Result<Said, Error> {
        // One that never stops talking is not all that there is to attend to.
        tokio::task::coop::consume_budget().await;
        let lost = || Error::service(Code::EOF, "it ended its control channel");
        let (kind, payload) = self.rx.next_message().await.ok_or_else(lost)??;
        if kind == TERMINATE {
            let (_, reason): (i64, Bytes) = payload
                .decode()
                .map_err(|error| Error::service(Code::INVALID_ARGUMENTS, error.to_string()))?;
            return Ok(Said::Terminate(String::from_utf8_lossy(&reason).into_owned()));
        }
        if let Some(tx) = &mut self.tx {
            tx.queue_urgent(HEARTBEAT)?;
        }
        Ok(Said::Heartbeat)
    }

    /// Tells the worker to end.
    fn terminate(&mut self, code: i64, reason: &str) {
        if let Some(tx) = self.tx.take() {
            // One that is gone need not be told.
            let _ = tx.queue_last_message(TERMINATE, (code, reason));
        }
    }
}

/// Returns how a process has ended.
fn describe(status: &io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}
