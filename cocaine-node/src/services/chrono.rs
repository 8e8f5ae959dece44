//! `chrono`: timers (`services.md` 10).

mod config;
mod schedule;
mod tick_stream;
mod timers;

use cocaine::{Code, Error, Result, Stream, bind::Caller};
use cocaine_bindings::{Chrono, chrono::TimerId};
use futures_util::{
    future::{self, Either, Ready},
    stream::{self, Once},
};
use tokio::time::Instant;

use self::{
    schedule::{InvalidTimeError, Schedule},
    tick_stream::TickStream,
    timers::{TimerLimitError, Timers},
};
use crate::{
    config::{ChronoConfig, ConfigError},
    errno::{self, Errno},
};

/// The timers of all callers.
#[derive(Clone, Debug)]
pub(crate) struct ChronoShared(Timers);

impl ChronoShared {
    pub(crate) fn new(config: ChronoConfig) -> Result<Self, ConfigError> {
        config.limits().map(Timers::new).map(Self)
    }

    /// Returns the service for a caller.
    pub(crate) fn service(&self, caller: &Caller) -> ChronoService {
        ChronoService { timers: self.0.clone(), caller: caller.clone() }
    }
}

/// The service, as one caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct ChronoService {
    timers: Timers,
    caller: Caller,
}

impl ChronoService {
    fn start(&self, schedule: Result<Schedule, InvalidTimeError>, announce_id: Option<bool>) -> TimerStream {
        let started =
            schedule.map_err(|error| errno::error(Errno::INVAL, error.to_string())).and_then(|schedule| {
                let started = TickStream::start(
                    &self.timers,
                    self.caller.peer(),
                    schedule,
                    announce_id.unwrap_or_default(),
                );
                started.map_err(|error: TimerLimitError| errno::error(Errno::AGAIN, error.to_string()))
            });
        match started {
            Ok(ticks) => Either::Left(ticks),
            Err(error) => Either::Right(stream::once(future::ready(Err(error)))),
        }
    }
}

/// The stream of a timer, or of the error that kept it from starting.
type TimerStream = Either<TickStream, Once<Ready<Result<TimerId>>>>;

impl Chrono for ChronoService {
    fn notify_after(
        &self,
        seconds: f64,
        send_id: Option<bool>,
    ) -> impl Stream<Item = Result<TimerId>> + Send + 'static + use<> {
        self.start(Schedule::once(seconds, Instant::now()), send_id)
    }

    fn notify_every(
        &self,
        seconds: f64,
        send_id: Option<bool>,
    ) -> impl Stream<Item = Result<TimerId>> + Send + 'static + use<> {
        self.start(Schedule::periodic(seconds, Instant::now()), send_id)
    }

    async fn cancel(&self, TimerId(id): TimerId) -> Result<()> {
        if let Some(closed) = self.timers.cancel(id, self.caller.peer()) {
            // The sender is dropped without a value.
            let _ = closed.await;
        }
        Ok(())
    }

    /// The error text is the original's.
    async fn restart(&self, TimerId(id): TimerId) -> Result<()> {
        if self.timers.restart(id) { Ok(()) } else { Err(Error::service(Code::UNCAUGHT_ERROR, "map::at")) }
    }
}
