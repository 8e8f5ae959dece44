//! Connects a service when it is called, and reconnects it when its connection has ended.

use std::{sync::Arc, time::Duration};

use crate::{
    client::{
        attempts::SharedAttempts, cloud::Cloud, connector::NewConnection, keep_alive, methods::MethodTable,
        runtime_connections::RuntimeConnections, service_connection::ServiceConnection,
    },
    protocol::{
        error::{Error, Result},
        spec::ServiceSpec,
    },
};

/// The connection that all clones of a service share in a runtime. It is established on first use, and again after it has
/// ended.
pub(crate) struct ReconnectingService {
    pub(super) name: Arc<str>,
    pub(super) spec: Option<&'static ServiceSpec>,
    cloud: Arc<Cloud>,
    pub(super) connections: RuntimeConnections,
    attempts: SharedAttempts<Result<Arc<ServiceConnection>>>,
}

impl ReconnectingService {
    /// Returns how many bytes of memory a decoded reply may take beyond its encoding.
    pub(super) fn max_decoded_bytes(&self) -> usize {
        self.cloud.max_decoded_bytes()
    }

    /// Returns the service `name`, not connected yet.
    pub(super) fn new(cloud: Arc<Cloud>, name: &str, spec: Option<&'static ServiceSpec>) -> Self {
        Self {
            name: name.into(),
            spec,
            cloud,
            connections: RuntimeConnections::default(),
            attempts: SharedAttempts::default(),
        }
    }

    /// Returns the connection. One attempt at a time establishes a new one, and callers that wait for it share its failure.
    /// The attempt paces its steps by the `deadline` of the caller, and continues after it.
    pub(super) async fn connect(self: &Arc<Self>, deadline: Duration) -> Result<Arc<ServiceConnection>> {
        if let Some(connection) = self.connections.usable() {
            return Ok(connection);
        }
        let service = self.clone();
        let connected = self.attempts.join(|| async move {
            match service.connections.usable() {
                Some(connection) => Ok(connection),
                None => service.resolve_and_connect(deadline).await,
            }
        });
        connected.await.unwrap_or_else(|| Err(Error::disconnected("the runtime shuts down")))
    }

    async fn resolve_and_connect(&self, deadline: Duration) -> Result<Arc<ServiceConnection>> {
        let resolved = self.cloud.resolve(&self.name, None, deadline).await?;
        let NewConnection { handle, is_unproven } = self.cloud.connect(&resolved.endpoints, deadline).await?;
        let table = MethodTable::new(self.spec, &resolved, self.cloud.compatibility())
            .map_err(|error| error.with_context(Some(&self.name), None, Some(handle.peer())))?;
        tracing::debug!(service = %self.name, endpoint = %handle.peer(), "connected");
        let connection = Arc::new(ServiceConnection { handle, table, service: self.name.clone() });
        if is_unproven {
            keep_alive::probe(&connection, self.cloud.connect_timeout()).await?;
        }
        keep_alive::start(&connection, self.cloud.keep_alive());
        self.cloud.log_differences(self.spec, resolved.version, &connection);
        self.connections.insert(&connection);
        Ok(connection)
    }
}
