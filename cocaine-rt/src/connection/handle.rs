//! One connection: the mux behind a lock, and the task that owns the socket.
//!
//! Callers queue frames under the lock and wake the task only when it sleeps, so that a burst costs one wake and one
//! write. A connection that has ended stays ended.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::TcpStream,
    runtime::{Handle, Id},
};

use crate::{
    connection::mux::{Mux, Role},
    protocol::{error::Error, limits::Limits},
};

/// How exactly deadlines are kept: one sweep of all channels a tick is
/// cheaper than a timer a call.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// A connection as its users share it.
pub(crate) struct SharedConnection {
    state: Mutex<ConnectionState>,
    peer: Arc<str>,
    /// Bytes of output, to be looked at without the lock.
    pub(super) queued: AtomicUsize,
    /// No further call is made on this connection: the service at the other end was stopped, or does not respond.
    outdated: AtomicBool,
    /// How often bytes have arrived.
    receptions: AtomicU64,
    /// The task does not read the socket, so that the peer cannot be heard.
    paused: AtomicBool,
    /// The runtime that drives the connection.
    runtime: Option<Id>,
}

pub(super) struct ConnectionState {
    pub(super) mux: Mux,
    /// The task, while it sleeps.
    pub(super) task: Option<Waker>,
    /// The task sleeps because the socket takes no more: new output is no reason to wake it.
    pub(super) stuck: bool,
    /// The task keeps the time.
    ticking: bool,
    /// Nobody uses the connection any more.
    pub(super) left: bool,
}

impl ConnectionState {
    /// Notes whether a timer runs, or has to; returns whether some channel has a deadline.
    pub(super) fn keep_ticking(&mut self, running: bool) -> bool {
        let timed = self.mux.has_deadlines();
        self.ticking = timed || running;
        timed
    }

    /// Takes the task's waker if there is something for it to do.
    #[inline]
    fn attention(&mut self) -> Option<Waker> {
        self.task.as_ref()?;
        let output = !self.stuck && self.mux.output_len() > 0;
        let time = self.mux.has_deadlines() && !self.ticking;
        let end = self.left || self.mux.is_drained() || self.mux.is_closed();
        (output || time || end || self.mux.can_begin()).then(|| self.task.take())?
    }
}

impl SharedConnection {
    pub(crate) fn new(peer: Arc<str>, limits: Limits, role: Role) -> Arc<Self> {
        let mux = Mux::new(limits, role);
        let state = ConnectionState { mux, task: None, stuck: false, ticking: false, left: false };
        Arc::new(Self {
            state: Mutex::new(state),
            peer,
            queued: AtomicUsize::new(0),
            outdated: AtomicBool::new(false),
            receptions: AtomicU64::new(0),
            paused: AtomicBool::new(false),
            runtime: current_runtime(),
        })
    }

    /// Returns the runtime that drives the connection: when that ends, so does the connection.
    #[inline]
    pub(crate) fn runtime(&self) -> Option<Id> {
        self.runtime
    }

    /// Returns a count that rises whenever bytes arrive.
    #[inline]
    pub(crate) fn receptions(&self) -> u64 {
        self.receptions.load(Ordering::Relaxed)
    }

    /// Returns whether nothing has arrived since [`SharedConnection::receptions`] returned this count, although this side
    /// reads the socket.
    pub(crate) fn is_silent_since(&self, receptions: u64) -> bool {
        !self.paused.load(Ordering::Relaxed) && self.receptions() == receptions
    }

    /// Makes further calls connect again if nothing has arrived since [`SharedConnection::receptions`] returned this count:
    /// a call has missed its deadline, and the peer may be gone.
    pub(crate) fn check_silence(&self, receptions: u64) {
        if self.is_silent_since(receptions) && !self.outdated.swap(true, Ordering::Relaxed) {
            tracing::debug!(peer = %self.peer, "the peer does not respond: the next call connects again");
        }
    }

    /// Counts an arrival of bytes. Only the task of the connection calls this.
    #[inline]
    pub(super) fn count_reception(&self) {
        self.receptions.store(self.receptions() + 1, Ordering::Relaxed);
    }

    /// Notes whether the task reads the socket. What came while it did not is unknown, and so counts as an arrival.
    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
        self.count_reception();
    }

    /// Returns the address of the other side, or what stands for it.
    pub(crate) fn peer(&self) -> &Arc<str> {
        &self.peer
    }

    /// Acts on the mux, then wakes whom that concerns. No user code may run within.
    #[inline]
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Mux) -> R) -> R {
        self.with_due(&mut Vec::new(), act)
    }

    /// As [`SharedConnection::with`]; `due` is empty before and after, and saves an allocation where many are woken at once.
    #[inline]
    pub(super) fn with_due<R>(&self, due: &mut Vec<Waker>, act: impl FnOnce(&mut Mux) -> R) -> R {
        let mut state = self.lock();
        let result = act(&mut state.mux);
        self.queued.store(state.mux.output_len(), Ordering::Relaxed);
        let task = state.attention();
        if !state.mux.wakers().is_empty() {
            std::mem::swap(state.mux.wakers(), due);
        }
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
        due.drain(..).for_each(Waker::wake);
        result
    }

    /// Returns whether calls can be made: it has not ended, and the service at the other end has not been stopped.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_outdated() && !self.lock().mux.is_closed()
    }

    /// Returns whether further calls are to be made on another connection.
    #[inline]
    pub(crate) fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }

    /// Marks the connection outdated if the app was stopped: reconnect for the next call. A stopped app goes on
    /// answering its old connections, while a new instance may run elsewhere (`node.md` 5.1).
    pub(crate) fn check_app_stopped(&self, error: &Error) {
        if error.is_app_stopped() {
            self.outdated.store(true, Ordering::Relaxed);
        }
    }

    /// Ends the connection; calls in flight fail with `error`.
    pub(crate) fn close(&self, error: &Error) {
        self.with(|mux| mux.close(error));
    }

    /// Notes that the task runs; returns whether it should read.
    pub(super) fn awake(&self) -> bool {
        let mut state = self.lock();
        state.task = None;
        state.mux.wants_input()
    }

    fn leave(&self) {
        self.lock().left = true;
        self.with(|_| ());
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, ConnectionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedConnection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// A share in a connection: when the last one is dropped, what is queued is written and the socket closed.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionHandle(Arc<CloseOnDrop>);

#[derive(Debug)]
struct CloseOnDrop(Arc<SharedConnection>);

impl ConnectionHandle {
    pub(crate) fn new(conn: Arc<SharedConnection>) -> Self {
        Self(Arc::new(CloseOnDrop(conn)))
    }
}

impl std::ops::Deref for ConnectionHandle {
    type Target = Arc<SharedConnection>;

    #[inline]
    fn deref(&self) -> &Arc<SharedConnection> {
        &self.0.0
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Returns the runtime that this is called on.
#[inline]
pub(crate) fn current_runtime() -> Option<Id> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

/// Sets what every TCP connection has: no delay, and probes of a silent peer, which is given up after `silence`
/// (`protocol.md` 1).
pub(crate) fn tune(stream: &TcpStream, silence: Duration) {
    /// The probes that a peer may leave unanswered.
    const PROBES: u32 = 3;
    // The options count whole seconds, in 16 bits.
    let seconds = silence.as_secs().clamp(1 + u64::from(PROBES), 1 << 15);
    let interval = (seconds / u64::from(PROBES + 1)).max(1);
    let first = seconds - interval * u64::from(PROBES);
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(first))
        .with_interval(Duration::from_secs(interval))
        .with_retries(PROBES);
    let socket = SockRef::from(stream);
    let tuned = stream.set_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&probes));
    // What was written and is not acknowledged keeps the probes from being sent.
    #[cfg(target_os = "linux")]
    let tuned = tuned.and_then(|()| socket.set_tcp_user_timeout(Some(Duration::from_secs(seconds))));
    if let Err(error) = tuned {
        tracing::debug!(%error, "a socket option is not set");
    }
}
