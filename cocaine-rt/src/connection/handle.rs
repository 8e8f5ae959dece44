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

/// The precision of deadlines. One sweep of all channels a tick is cheaper than a timer for each call.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The state that the users of a connection share with its task.
pub(crate) struct SharedConnection {
    state: Mutex<ConnectionState>,
    peer: Arc<str>,
    /// The length of the output, readable without the lock.
    pub(super) queued: AtomicUsize,
    /// The app at the other end was stopped: reconnect for the next call.
    outdated: AtomicBool,
}

pub(super) struct ConnectionState {
    pub(super) mux: Mux,
    /// The waker of the task, while it is parked.
    pub(super) driver_waker: Option<Waker>,
    /// The socket accepts no more bytes: new output does not wake the task.
    pub(super) write_blocked: bool,
    /// The task runs a timer for the deadlines.
    ticking: bool,
    /// The last [`ConnectionHandle`] was dropped.
    pub(super) unused: bool,
}

impl ConnectionState {
    /// Records whether the timer runs or is about to start; returns whether a channel has a deadline.
    pub(super) fn update_ticking(&mut self, running: bool) -> bool {
        let has_deadlines = self.mux.has_deadlines();
        self.ticking = has_deadlines || running;
        has_deadlines
    }

    /// Takes the waker of the task if the task has something to do.
    #[inline]
    fn take_driver_waker(&mut self) -> Option<Waker> {
        self.driver_waker.as_ref()?;
        let can_write = !self.write_blocked && self.mux.output_len() > 0;
        let needs_timer = self.mux.has_deadlines() && !self.ticking;
        let ends = self.unused || self.mux.is_drained() || self.mux.is_closed();
        (can_write || needs_timer || ends || self.mux.can_begin()).then(|| self.driver_waker.take())?
    }
}

impl SharedConnection {
    pub(crate) fn new(peer: Arc<str>, limits: Limits, role: Role) -> Arc<Self> {
        let mux = Mux::new(limits, role);
        let state =
            ConnectionState { mux, driver_waker: None, write_blocked: false, ticking: false, unused: false };
        Arc::new(Self {
            state: Mutex::new(state),
            peer,
            queued: AtomicUsize::new(0),
            outdated: AtomicBool::new(false),
        })
    }

    /// Returns the address of the other side, or a text in its place.
    pub(crate) fn peer(&self) -> &Arc<str> {
        &self.peer
    }

    /// Calls `act` with the mux under the lock, then wakes the tasks that this concerns. `act` must not run user code.
    #[inline]
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Mux) -> R) -> R {
        self.with_wakers(&mut Vec::new(), act)
    }

    /// Does the same as [`SharedConnection::with`] with a buffer for the wakers, which saves an allocation where many are
    /// woken at once. The buffer is empty before and after.
    #[inline]
    pub(super) fn with_wakers<R>(&self, wakers: &mut Vec<Waker>, act: impl FnOnce(&mut Mux) -> R) -> R {
        let mut state = self.lock();
        let result = act(&mut state.mux);
        self.queued.store(state.mux.output_len(), Ordering::Relaxed);
        let driver = state.take_driver_waker();
        if !state.mux.wakers().is_empty() {
            std::mem::swap(state.mux.wakers(), wakers);
        }
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        wakers.drain(..).for_each(Waker::wake);
        result
    }

    /// Returns whether calls can be made: the connection is open, and the app at the other end was not stopped.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_outdated() && !self.lock().mux.is_closed()
    }

    /// Returns whether the app at the other end was stopped.
    #[inline]
    pub(crate) fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }

    /// Marks the connection as outdated if `error` says that the app was stopped. A stopped app still answers on its old
    /// connections, while a new instance may run elsewhere (`node.md` 5.1).
    pub(crate) fn check_app_stopped(&self, error: &Error) {
        if error.is_app_stopped() {
            self.outdated.store(true, Ordering::Relaxed);
        }
    }

    /// Closes the connection. Calls in flight fail with `error`.
    pub(crate) fn close(&self, error: &Error) {
        self.with(|mux| mux.close(error));
    }

    /// Drops the waker of the task, which is running; returns whether the task should read.
    pub(super) fn unpark_driver(&self) -> bool {
        let mut state = self.lock();
        state.driver_waker = None;
        state.mux.wants_input()
    }

    /// Marks the connection as unused and wakes the task, which writes the remaining output and closes the socket.
    fn mark_unused(&self) {
        self.lock().unused = true;
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

/// A shared handle of a connection. When the last one is dropped, the queued output is written and the socket closed.
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
        self.0.mark_unused();
    }
}

/// Sets the options of a TCP socket: `TCP_NODELAY`, and keep-alive probes for silent peers (`protocol.md` 1).
pub(crate) fn set_socket_options(stream: &TcpStream) {
    let result = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_keepalive(true));
    if let Err(error) = result {
        tracing::debug!(%error, "cannot set a socket option");
    }
}
