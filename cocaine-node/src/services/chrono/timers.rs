//! The timers of all clients by id, and the limits on their number.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use super::config::TimerLimits;

/// The running timers; clones share them.
#[derive(Clone)]
pub(super) struct Timers(Arc<Mutex<TimersState>>);

struct TimersState {
    bounds: TimerLimits,
    timers: HashMap<i64, TimerEntry>,
    /// The number of timers of each client.
    clients: HashMap<Arc<str>, usize>,
}

/// A timer, as other calls see it.
struct TimerEntry {
    client: Arc<str>,
    restarted: Option<Instant>,
    waker: Option<Waker>,
    gone: oneshot::Receiver<()>,
}

/// The largest number of timers is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimerLimitError {
    #[error("this connection already has the maximum of {0} timers (`chrono.client_timers`)")]
    Client(usize),
    #[error("there is already the maximum of {0} timers (`chrono.timers`)")]
    All(usize),
}

/// Completes, with an error, when the stream of a timer is dropped.
pub(super) type StreamClosed = oneshot::Receiver<()>;

/// What a waiting timer has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerCommand {
    Wait,
    Restart(Instant),
    Cancel,
}

/// The outcome of [`Timers::expire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpireOutcome {
    Expired,
    Restarted,
    Cancelled,
}

impl Timers {
    pub(super) fn new(bounds: TimerLimits) -> Self {
        let (timers, clients) = (HashMap::new(), HashMap::new());
        Self(Arc::new(Mutex::new(TimersState { bounds, timers, clients })))
    }

    /// Adds a timer of a client, and returns its id. `stream_closed` resolves when the timer's stream is dropped.
    pub(super) fn add(&self, client: &str, stream_closed: StreamClosed) -> Result<i64, TimerLimitError> {
        self.state().add(client, stream_closed)
    }

    /// Cancels a timer. If it belongs to `client`, returns a future to wait for: the answer to `cancel` must follow the
    /// end of the stream on the same connection (`services.md` 10). Other clients do not wait, since the owner may not
    /// read.
    pub(super) fn cancel(&self, id: i64, client: &str) -> Option<StreamClosed> {
        let timer = self.state().remove(id)?;
        wake(timer.waker);
        (*timer.client == *client).then_some(timer.gone)
    }

    /// Restarts a timer, and returns whether it exists.
    pub(super) fn restart(&self, id: i64) -> bool {
        let mut state = self.state();
        let Some(timer) = state.timers.get_mut(&id) else { return false };
        timer.restarted = Some(Instant::now());
        let waker = timer.waker.take();
        drop(state);
        wake(waker);
        true
    }

    /// Returns what the timer has to do, and registers the waker for the next command.
    pub(super) fn poll_command(&self, id: i64, waker: &Waker) -> TimerCommand {
        let mut state = self.state();
        let Some(timer) = state.timers.get_mut(&id) else { return TimerCommand::Cancel };
        timer.waker = Some(waker.clone());
        timer.restarted.take().map_or(TimerCommand::Wait, TimerCommand::Restart)
    }

    /// Removes a timer that has fired for the last time, unless it was restarted or cancelled first.
    pub(super) fn expire(&self, id: i64) -> ExpireOutcome {
        let mut state = self.state();
        match state.timers.get(&id) {
            None => ExpireOutcome::Cancelled,
            Some(timer) if timer.restarted.is_some() => ExpireOutcome::Restarted,
            Some(_) => {
                state.remove(id);
                ExpireOutcome::Expired
            }
        }
    }

    /// Removes a timer whose stream was dropped.
    pub(super) fn remove(&self, id: i64) {
        self.state().remove(id);
    }

    fn state(&self) -> MutexGuard<'_, TimersState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TimersState {
    fn add(&mut self, client: &str, gone: oneshot::Receiver<()>) -> Result<i64, TimerLimitError> {
        if self.timers.len() >= self.bounds.timers {
            return Err(TimerLimitError::All(self.timers.len()));
        }
        let known = self.clients.get_key_value(client);
        let (client, count) =
            known.map_or_else(|| (client.into(), 0), |(client, count)| (client.clone(), *count));
        if count >= self.bounds.client_timers {
            return Err(TimerLimitError::Client(count));
        }
        self.clients.insert(client.clone(), count + 1);
        let id = self.free_id();
        self.timers.insert(id, TimerEntry { client, restarted: None, waker: None, gone });
        Ok(id)
    }

    /// Returns a free id: 53 random bits, which cannot be guessed and which languages with only floats can represent.
    fn free_id(&self) -> i64 {
        loop {
            let (_, random) = Uuid::new_v4().as_u64_pair();
            let id = (random & ((1 << 53) - 1)).cast_signed();
            if !self.timers.contains_key(&id) {
                return id;
            }
        }
    }

    fn remove(&mut self, id: i64) -> Option<TimerEntry> {
        let timer = self.timers.remove(&id)?;
        if let Some(count) = self.clients.get_mut(&timer.client) {
            *count -= 1;
            if *count == 0 {
                self.clients.remove(&timer.client);
            }
        }
        Some(timer)
    }
}

/// Wakes the task that waits for a timer, if there is one.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Timers")
            .field("timers", &state.timers.len())
            .field("clients", &state.clients.len())
            .finish()
    }
}
