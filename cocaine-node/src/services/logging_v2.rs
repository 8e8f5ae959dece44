//! `logging::v2`: the node's log with filters that can be changed at run time (`services.md` 5).
//!
//! A filter for `app/` applies to all loggers with this prefix that have no filter for a longer prefix. Messages to
//! loggers without filters are checked against those of `default`, which at first has one that accepts everything.
//! Once that is removed, and while there is no other, nothing is accepted.

mod clock;
mod cluster_filters;
mod open_loggers;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use cocaine::{Error, ErrorKind, Result, Scalar, Sender, Severity, Value, bind::Caller};
use cocaine_bindings::{
    LoggingV2Server,
    logging_v2::{Disposition, GetReceived, GetReceiver, LogFilter},
};

use self::{clock::Clock, open_loggers::OpenLoggers};
use crate::{
    errno::{self, Errno},
    log::{
        Log, LogBroadcast, LogRecord,
        filters::{
            AttributeValue, DEFAULT_LOGGER, Filter, FilterError, FilterRule, Filters, LogMessage,
            NO_DEADLINE, TooManyFiltersError,
        },
    },
    store::{Store, StoreError},
};

/// An attribute that every message has: the name of its logger.
const SOURCE: &str = "source";
/// The longest name in bytes of a logger that is stored.
const MAX_NAME_BYTES: usize = 1024;

/// The state that all calls of the service share.
#[derive(Debug)]
pub(crate) struct LoggingV2Shared {
    log: Log,
    broadcast: LogBroadcast,
    store: Store,
    filters: Arc<Filters>,
    clock: Clock,
    open_loggers: OpenLoggers,
    /// Held while a filter is changed and the change of its stored copy is queued, so that both happen in one order.
    changing: Mutex<()>,
}

impl LoggingV2Shared {
    pub(crate) fn new(log: Log, broadcast: LogBroadcast, store: Store) -> Self {
        let first = FilterRule {
            logger: DEFAULT_LOGGER.to_owned(),
            filter: Arc::new(Filter::Empty),
            id: fastrand::u64(..),
            deadline: NO_DEADLINE,
            disposition: Disposition::Local,
        };
        let (clock, open_loggers) = (Clock::start(), OpenLoggers::default());
        let filters = Arc::new(Filters::new(first));
        Self { log, broadcast, store, filters, clock, open_loggers, changing: Mutex::default() }
    }

    /// Loads the stored filters. One that cannot be used is skipped with a warning.
    pub(crate) async fn load(&self) -> Result<(), StoreError> {
        for rule in cluster_filters::load(&self.store).await? {
            let (id, logger) = (rule.id, rule.logger.clone());
            if let Err(error) = self.filters.add(rule) {
                tracing::warn!(id, logger, %error, "a stored log filter is not used");
            }
        }
        self.expire().await;
        Ok(())
    }

    pub(crate) fn filters(&self) -> Arc<Filters> {
        self.filters.clone()
    }

    /// Removes the filters whose deadline has passed: at once, and from the store when the returned future is awaited.
    fn expire(&self) -> impl Future<Output = ()> + Send + use<> {
        let _changing = self.lock_changes();
        let stored = self.filters.expire(self.clock.now()).into_iter().filter(is_stored);
        let removed: Vec<_> =
            stored.map(|rule| (rule.id, cluster_filters::remove(&self.store, rule.id))).collect();
        async move {
            for (id, removed) in removed {
                if let Err(error) = removed.await {
                    tracing::warn!(id, %error, "a log filter that has ended is still stored");
                }
            }
        }
    }

    /// Sets a filter. It applies before this waits for anything, so that whatever the client sends next is filtered by it; a
    /// cluster filter that cannot be stored is withdrawn.
    async fn set(&self, name: &str, filter: &Value, ttl: u64, disposition: Disposition) -> Result<u64> {
        check_name(name)?;
        let filter = Arc::new(Filter::parse(filter).map_err(filter_error)?);
        let expired = self.expire();
        let deadline = self.clock.now().saturating_add(ttl).min(NO_DEADLINE);
        let unnumbered = FilterRule { logger: name.to_owned(), filter, id: 0, deadline, disposition };
        let (rule, stored) = self.add(unnumbered).map_err(capacity_error)?;
        expired.await;
        if let Some(stored) = stored
            && let Err(error) = stored.await
        {
            self.filters.remove(rule.id);
            return Err(error.into_service_error());
        }
        Ok(rule.id)
    }

    /// Removes a filter. It ends before this waits for anything; one that cannot be removed from the store goes on.
    async fn remove(&self, id: u64) -> Result<bool> {
        let expired = self.expire();
        let removed = self.withdraw(id);
        expired.await;
        let Some((rule, stored)) = removed else { return Ok(false) };
        if let Some(stored) = stored
            && let Err(error) = stored.await
        {
            if let Err(full) = self.filters.add(rule) {
                tracing::warn!(id, %full, "a log filter that is still stored is not used");
            }
            return Err(error.into_service_error());
        }
        Ok(true)
    }

    /// Adds a rule under a new id. Returns it, and the change of the store if it is to be stored.
    fn add(
        &self,
        rule: FilterRule,
    ) -> Result<(FilterRule, Option<impl Future<Output = Result<(), StoreError>> + use<>>), TooManyFiltersError>
    {
        let _changing = self.lock_changes();
        let rule = self.filters.add_numbered(rule)?;
        let stored = is_stored(&rule).then(|| cluster_filters::write(&self.store, &rule));
        Ok((rule, stored))
    }

    /// Removes a rule. Returns it, and the change of the store if it is stored.
    fn withdraw(
        &self,
        id: u64,
    ) -> Option<(FilterRule, Option<impl Future<Output = Result<(), StoreError>> + use<>>)> {
        let _changing = self.lock_changes();
        let rule = self.filters.remove(id)?;
        let stored = is_stored(&rule).then(|| cluster_filters::remove(&self.store, id));
        Some((rule, stored))
    }

    fn lock_changes(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a message if it is accepted, and returns whether it was.
    fn log<N: AsRef<str>>(
        &self,
        (severity, traced): (Severity, bool),
        source: &str,
        text: &str,
        attributes: &[(N, Scalar)],
    ) -> Result<bool> {
        if i32::from(severity) < 0 {
            return Err(Error::invalid_arguments(format!("{} is not a severity", i32::from(severity))));
        }
        let attribute = |name: &str| {
            let found = attributes.iter().find(|(known, _)| known.as_ref() == name);
            let found = found.map(|(_, value)| AttributeValue::from(value));
            found.or_else(|| (name == SOURCE).then_some(AttributeValue::Text(source.as_bytes())))
        };
        let message = LogMessage { severity: severity.into(), traced, attribute: &attribute };
        let passes = self.filters.accept(source, &message, self.clock.now());
        if passes {
            let owned = |(name, value): &(N, Scalar)| (name.as_ref().to_owned(), value.clone());
            let record = LogRecord {
                time: SystemTime::now(),
                severity,
                source: source.to_owned(),
                message: text.to_owned(),
                attributes: attributes.iter().map(owned).collect(),
            }
            .with_current_trace();
            self.broadcast.publish(record.to_line());
            self.log.write(record);
        }
        Ok(passes)
    }
}

/// Returns whether the store has a copy of a filter.
fn is_stored(rule: &FilterRule) -> bool {
    rule.disposition == Disposition::Cluster
}

fn check_name(name: &str) -> Result<()> {
    if name.len() > MAX_NAME_BYTES {
        return Err(too_large(format!("the name of a logger may have {MAX_NAME_BYTES} bytes")));
    }
    Ok(())
}

/// Returns the error for an invalid filter. As with the original a malformed one closes the connection.
fn filter_error(error: FilterError) -> Error {
    match error {
        FilterError::Malformed(text) => Error::invalid_arguments(text),
        FilterError::TooLarge(text) => too_large(text),
    }
}

/// Returns an error with the POSIX number for a value that is too big.
fn too_large(text: String) -> Error {
    errno::error(Errno::TOOBIG, text)
}

/// Returns an error with the POSIX number for exhausted memory.
fn capacity_error(error: TooManyFiltersError) -> Error {
    errno::error(Errno::NOMEM, error.to_string())
}

/// The service for one caller.
#[derive(Clone, Debug)]
pub(crate) struct LoggingV2Service {
    shared: Arc<LoggingV2Shared>,
    caller: Caller,
}

impl LoggingV2Service {
    pub(crate) fn new(shared: Arc<LoggingV2Shared>, caller: &Caller) -> Self {
        Self { shared, caller: caller.clone() }
    }

    /// Returns whether the call has a trace, and its trace bit does not exclude it (`protocol.md` 5.3).
    fn traced(&self) -> bool {
        let bit = self.caller.headers().get("trace_bit");
        self.caller.trace().is_some() && bit.is_none_or(|bit| bit.as_ref() != b"0")
    }

    /// Serves a named logger until the client closes the channel. An error means that the client violated the protocol.
    async fn serve(&self, name: &str, mut input: GetReceiver, output: &mut Sender<bool>) -> Result<()> {
        let traced = self.traced();
        let log = |severity: Severity, text: &str, attributes: Option<Vec<(String, Scalar)>>| {
            self.shared.log((severity, traced), name, text, &attributes.unwrap_or_default())
        };
        loop {
            input = match input.recv().await {
                Ok(GetReceived::Emit(severity, text, attributes, rest)) => {
                    log(severity, &text, attributes)?;
                    rest
                }
                Ok(GetReceived::EmitAck(severity, text, attributes, rest)) => {
                    let passed = log(severity, &text, attributes)?;
                    if output.send(passed).await.is_err() {
                        return Ok(());
                    }
                    rest
                }
                Err(error) if matches!(error.kind(), ErrorKind::Decode(_)) => return Err(error),
                // Revoked, or the client has left.
                Err(_) => return Ok(()),
            }
        }
    }
}

impl LoggingV2Server for LoggingV2Service {
    async fn emit(
        &self,
        severity: Severity,
        backend: &str,
        message: &str,
        attributes: Option<&[(&str, Scalar)]>,
    ) -> Result<()> {
        let attributes = attributes.unwrap_or_default();
        self.shared.log((severity, self.traced()), backend, message, attributes).map(drop)
    }

    async fn verbosity(&self) -> Result<Severity> {
        Ok(Severity::Debug)
    }

    async fn set_verbosity(&self, severity: Severity) -> Result<()> {
        if i32::from(severity) < 0 {
            return Err(Error::invalid_arguments(format!("{} is not a severity", i32::from(severity))));
        }
        Ok(())
    }

    async fn emit_ack(
        &self,
        severity: Severity,
        backend: &str,
        message: &str,
        attributes: Option<&[(&str, Scalar)]>,
    ) -> Result<bool> {
        let attributes = attributes.unwrap_or_default();
        self.shared.log((severity, self.traced()), backend, message, attributes)
    }

    async fn get(&self, name: &str, input: GetReceiver, mut output: Sender<bool>) -> Result<()> {
        let guard = check_name(name).and_then(|()| self.shared.open_loggers.open(self.caller.peer()));
        let _guard = match guard {
            Ok(guard) => guard,
            Err(error) => {
                // The client may have left.
                let _ = output.fail(&error);
                return Ok(());
            }
        };
        let ended = self.serve(name, input, &mut output).await;
        output.abandon();
        ended
    }

    async fn list_loggers(&self) -> Result<Vec<String>> {
        Ok(self.shared.filters.loggers(self.shared.clock.now()))
    }

    async fn set_filter(&self, name: &str, filter: &Value, ttl: u64) -> Result<u64> {
        self.shared.set(name, filter, ttl, Disposition::Local).await
    }

    async fn remove_filter(&self, id: u64) -> Result<bool> {
        self.shared.remove(id).await
    }

    async fn list_filters(&self) -> Result<Vec<LogFilter>> {
        let rules = self.shared.filters.rules(self.shared.clock.now());
        Ok(rules.into_iter().map(Into::into).collect())
    }

    async fn set_cluster_filter(&self, name: &str, filter: &Value, ttl: u64) -> Result<u64> {
        self.shared.set(name, filter, ttl, Disposition::Cluster).await
    }
}
