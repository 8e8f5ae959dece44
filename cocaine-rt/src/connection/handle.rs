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
    protocol::{error::Error, limits::Limits, memory::MemoryBudget},
};

/// The state that the users of a connection share with its task.
pub(crate) struct SharedConnection {
    state: Mutex<ConnectionState>,
    peer: Arc<str>,
    /// The length of the output, readable without the lock.
    pub(super) queued: AtomicUsize,
    /// No further call is made on this connection: the service at the other end was stopped, or does not respond.
    outdated: AtomicBool,
    /// The socket is not read, because readers are slow.
    congested: AtomicBool,
    /// How often bytes have arrived.
    receptions: AtomicU64,
    /// The task does not read the socket, so that the peer cannot be heard.
    paused: AtomicBool,
    /// The runtime that drives the connection.
    runtime: Option<Id>,
    /// The limits of the connection.
    limits: Limits,
    memory: MemoryBudget,
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts about the task")]
pub(super) struct ConnectionState {
    pub(super) mux: Mux,
    /// The waker of the task, while it is parked.
    pub(super) driver_waker: Option<Waker>,
    /// The socket accepts no more bytes: new output does not wake the task.
    pub(super) write_blocked: bool,
    /// The socket was not read before the task was parked.
    pub(super) paused: bool,
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
        let can_read = self.paused && self.mux.wants_input();
        (can_write || needs_timer || ends || can_read || self.mux.can_begin())
            .then(|| self.driver_waker.take())?
    }
}

impl SharedConnection {
    pub(crate) fn new(peer: Arc<str>, limits: Limits, memory: MemoryBudget, role: Role) -> Arc<Self> {
        let mux = Mux::new(limits, role, memory.clone());
        let state = ConnectionState {
            mux,
            driver_waker: None,
            write_blocked: false,
            paused: false,
            ticking: false,
            unused: false,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            peer,
            queued: AtomicUsize::new(0),
            outdated: AtomicBool::new(false),
            congested: AtomicBool::new(false),
            receptions: AtomicU64::new(0),
            paused: AtomicBool::new(false),
            runtime: current_runtime(),
            limits,
            memory,
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

    /// Returns the address of the other side, or a text in its place.
    pub(crate) fn peer(&self) -> &Arc<str> {
        &self.peer
    }

    /// Returns the credit that this side grants a stream at first, in bytes.
    pub(crate) fn stream_window(&self) -> usize {
        self.limits.stream_window_bytes
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
        let queued = state.mux.output_len();
        self.queued.store(queued, Ordering::Relaxed);
        let returned = state.mux.update_memory(queued);
        self.congested.store(state.mux.is_input_blocked(), Ordering::Relaxed);
        let driver = state.take_driver_waker();
        if !state.mux.wakers().is_empty() {
            std::mem::swap(state.mux.wakers(), wakers);
        }
        drop(state);
        if returned > 0 {
            self.memory.subtract(returned);
        }
        if let Some(driver) = driver {
            driver.wake();
        }
        wakers.drain(..).for_each(Waker::wake);
        result
    }

    /// Returns whether calls can be made: the connection is open, and the app at the other end was not stopped.
    pub(crate) fn is_usable(&self) -> bool {
        self.accepts_calls() && !self.lock().mux.is_closed()
    }

    /// Returns whether new calls should use this connection: the app at the other end was not stopped, and no slow reader
    /// keeps the socket from being read.
    #[inline]
    pub(crate) fn accepts_calls(&self) -> bool {
        !self.outdated.load(Ordering::Relaxed) && !self.congested.load(Ordering::Relaxed)
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

    /// Returns how many bytes of memory a decoded message may take beyond its encoding.
    pub(crate) fn max_decoded_bytes(&self) -> usize {
        self.limits.max_decoded_bytes
    }

    /// Returns the limits of the connection.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the budget in which the memory of the connection is counted.
    pub(crate) fn memory(&self) -> &MemoryBudget {
        &self.memory
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

/// Returns the runtime that this is called on.
#[inline]
pub(crate) fn current_runtime() -> Option<Id> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

/// Sets the options of a TCP socket: `TCP_NODELAY`, and keep-alive probes of a peer that is silent for `silence`, which is
/// given up after twice that time (`protocol.md` 1).
pub(crate) fn set_socket_options(stream: &TcpStream, silence: Duration) {
    /// The probes that a peer may leave unanswered.
    const PROBES: u32 = 3;
    /// The longest time that the options accept.
    const MAX_SECONDS: u64 = 32_767;
    let seconds = silence.as_secs().clamp(u64::from(PROBES), MAX_SECONDS);
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(seconds))
        .with_interval(Duration::from_secs(seconds / u64::from(PROBES)))
        .with_retries(PROBES);
    let socket = SockRef::from(stream);
    let result = stream.set_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&probes));
    // What was written and is not acknowledged keeps the probes from being sent. The time covers also what the peer does
    // not read, so it must be longer than a reader may pause.
    #[cfg(target_os = "linux")]
    let result = result.and_then(|()| socket.set_tcp_user_timeout(Some(Duration::from_secs(seconds * 2))));
    if let Err(error) = result {
        tracing::debug!(%error, "cannot set a socket option");
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn silent_peers_are_probed_then_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        for (silence, seconds) in [(30, 30), (0, 3), (u64::MAX, 32_767)] {
            set_socket_options(&stream, Duration::from_secs(silence));
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(seconds));
            #[cfg(target_os = "linux")]
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(seconds * 2)));
        }
    }
}
