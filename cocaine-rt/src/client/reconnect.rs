//! Connects a service when it is called, and again when its connection has ended.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use crate::{
    client::{backoff::Backoff, cloud::Cloud, methods::MethodTable, service_connection::ServiceConnection},
    protocol::{
        error::{Error, Result},
        spec::ServiceSpec,
    },
};

/// The connection that all clones of a service share, made when it is first needed and again after it has ended.
pub(crate) struct ReconnectingService {
    pub(super) name: Arc<str>,
    pub(super) spec: Option<&'static ServiceSpec>,
    cloud: Arc<Cloud>,
    pub(super) connection: ArcSwapOption<ServiceConnection>,
    connecting: Mutex<ConnectState>,
    /// Attempts to connect that have failed.
    failures: AtomicU64,
}

/// The outcome of earlier attempts to connect, guarded by the lock of the task that connects.
#[derive(Default)]
struct ConnectState {
    backoff: Backoff,
    failure: Option<Error>,
}

impl ReconnectingService {
    /// Returns the service `name`, not connected yet.
    pub(super) fn new(cloud: Arc<Cloud>, name: &str, spec: Option<&'static ServiceSpec>) -> Self {
        Self {
            name: name.into(),
            spec,
            cloud,
            connection: ArcSwapOption::empty(),
            connecting: Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// Returns the connection unless it has ended or is outdated.
    pub(super) fn usable_connection(&self) -> Option<Arc<ServiceConnection>> {
        self.connection.load_full().filter(|connection| connection.handle.is_usable())
    }

    /// Returns the connection. One caller at a time makes a new one; callers that waited for it share its failure.
    pub(super) async fn connect(&self) -> Result<Arc<ServiceConnection>> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut connecting = self.connecting.lock().await;
        if let Some(connection) = self.usable_connection() {
            return Ok(connection);
        }
        if let (Some(error), true) = (&connecting.failure, self.failures.load(Ordering::Acquire) > failures) {
            return Err(error.clone());
        }
        connecting.backoff.record_disconnect();
        connecting.backoff.wait().await;
        match self.resolve_and_connect().await {
            Ok(connection) => {
                connecting.backoff.record_success();
                self.connection.store(Some(connection.clone()));
                Ok(connection)
            }
            Err(error) => {
                connecting.backoff.record_failure();
                connecting.failure = Some(error.clone());
                self.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    async fn resolve_and_connect(&self) -> Result<Arc<ServiceConnection>> {
        let resolved = self.cloud.resolve(&self.name, None).await?;
        let handle = self.cloud.connect(&resolved.endpoints).await?;
        let table = MethodTable::new(self.spec, &resolved, self.cloud.compatibility())
            .map_err(|error| error.with_context(Some(&self.name), None, Some(handle.peer())))?;
        tracing::debug!(service = %self.name, endpoint = %handle.peer(), "connected");
        let connection = ServiceConnection { handle, table, service: self.name.clone() };
        self.cloud.log_differences(self.spec, resolved.version, &connection);
        Ok(Arc::new(connection))
    }
}
