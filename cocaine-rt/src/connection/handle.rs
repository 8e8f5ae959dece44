//! One connection: the mux behind a lock, and the task that owns the socket.
//!
//! Callers queue frames under the lock and wake the task only when it sleeps, so that a burst costs one wake and one
//! write. A connection that has ended stays ended.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Waker,
    time::Duration,
};

use socket2::SockRef;
use tokio::net::TcpStream;

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
    /// What is at the other end is served no more: a call is to be made on another connection.
    outdated: AtomicBool,
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
        })
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

    /// Returns whether the service at the other end has been stopped.
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

/// Sets what every TCP connection has: no delay, and probes of a peer that is silent (`protocol.md` 1).
pub(crate) fn tune(stream: &TcpStream) {
    let tuned = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_keepalive(true));
    if let Err(error) = tuned {
        tracing::debug!(%error, "a socket option is not set");
    }
}
