//! The timers of all clients: who may have how many, and how anybody reaches one by its id.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use super::config::TimerLimits;

/// The timers that run; clones share them.
#[derive(Clone)]
pub(super) struct Timers(Arc<Mutex<State>>);

struct State {
    bounds: TimerLimits,
    timers: HashMap<i64, Timer>,
    /// How many timers each client has.
    clients: HashMap<Arc<str>, usize>,
}

/// What others see of a timer.
struct Timer {
    client: Arc<str>,
    restarted: Option<Instant>,
    waker: Option<Waker>,
    gone: oneshot::Receiver<()>,
}

/// There are as many timers as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimerLimitError {
    #[error("this connection has {0} timers, and may have no more (`chrono.client_timers`)")]
    Client(usize),
    #[error("there are {0} timers, and may be no more (`chrono.timers`)")]
    All(usize),
}

/// Ends when the stream of a cancelled timer is closed.
pub(super) type StreamClosed = oneshot::Receiver<()>;

/// What has become of a timer that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerCommand {
    Wait,
    Restart(Instant),
    Cancel,
}

/// How a timer that fires for the last time has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpireOutcome {
    Expired,
    Restarted,
    Cancelled,
}

impl Timers {
    pub(super) fn new(bounds: TimerLimits) -> Self {
        let (timers, clients) = (HashMap::new(), HashMap::new());
        Self(Arc::new(Mutex::new(State { bounds, timers, clients })))
    }

    /// Adds a timer of a client, and returns its id. `stream_closed` resolves when the timer's stream is dropped.
    pub(super) fn add(&self, client: &str, stream_closed: StreamClosed) -> Result<i64, TimerLimitError> {
        self.state().add(client, stream_closed)
    }

    /// Cancels a timer, and returns what is to be waited for if it is of `client`: an answer on its connection must not
    /// come before the end of the timer's stream (`services.md` 10). Others do not wait for a client that may not read.
    pub(super) fn cancel(&self, id: i64, client: &str) -> Option<StreamClosed> {
        let timer = self.state().remove(id)?;
        wake(timer.waker);
        (*timer.client == *client).then_some(timer.gone)
    }

    /// Starts a timer anew, and returns whether there is one.
    pub(super) fn restart(&self, id: i64) -> bool {
        let mut state = self.state();
        let Some(timer) = state.timers.get_mut(&id) else { return false };
        timer.restarted = Some(Instant::now());
        let waker = timer.waker.take();
        drop(state);
        wake(waker);
        true
    }

    /// Returns what has become of a timer since it was asked for last. What comes later wakes.
    pub(super) fn attend(&self, id: i64, waker: &Waker) -> TimerCommand {
        let mut state = self.state();
        let Some(timer) = state.timers.get_mut(&id) else { return TimerCommand::Cancel };
        timer.waker = Some(waker.clone());
        timer.restarted.take().map_or(TimerCommand::Wait, TimerCommand::Restart)
    }

    /// Ends a timer that has fired for the last time, unless somebody was faster.
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

    /// Forgets a timer whose client has gone.
    pub(super) fn forget(&self, id: i64) {
        self.state().remove(id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
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
        self.timers.insert(id, Timer { client, restarted: None, waker: None, gone });
        Ok(id)
    }

    /// Returns an id that is not taken: 53 bits that nobody can guess, so that languages whose numbers are all floats
    /// read it too.
    fn free_id(&self) -> i64 {
        loop {
            let (_, random) = Uuid::new_v4().as_u64_pair();
            let id = (random & ((1 << 53) - 1)).cast_signed();
            if !self.timers.contains_key(&id) {
                return id;
            }
        }
    }

    fn remove(&mut self, id: i64) -> Option<Timer> {
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

/// Wakes whoever waits for a timer, if somebody does.
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
