//! Logs each difference between bindings and a service once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    client::{methods::BoundMethod, service_connection::ServiceConnection},
    protocol::{
        error::{Error, ErrorKind},
        spec::{MethodSpec, ServiceSpec},
    },
};

/// The differences that a client has logged: the methods of each service, with an empty name for its version.
#[derive(Debug, Default)]
pub(crate) struct DriftLog(Mutex<BTreeSet<(Arc<str>, &'static str)>>);

impl DriftLog {
    /// Logs how the service of `connection` differs from its bindings. A difference is not logged again after a reconnect.
    pub(crate) fn log_service(
        &self,
        spec: &'static ServiceSpec,
        version: u64,
        connection: &ServiceConnection,
    ) {
        let (service, endpoint) = (&connection.service, connection.handle.peer());
        if version != spec.version && self.is_new(service, "") {
            tracing::info!(
                %service, %endpoint, expected = spec.version, found = version,
                "the service has another version than the bindings"
            );
        }
        for (method, bound) in spec.methods.iter().zip(connection.table.methods()) {
            self.log_method(method, bound.as_ref(), service, endpoint);
        }
    }

    fn log_method(
        &self,
        method: &MethodSpec,
        bound: Result<&BoundMethod, &Error>,
        service: &Arc<str>,
        endpoint: &str,
    ) {
        let name = method.name;
        match bound.map_err(Error::kind) {
            Ok(bound) if bound.id != method.id && self.is_new(service, name) => tracing::info!(
                %service, %endpoint, method = name, expected = method.id, found = bound.id,
                "a method has another id than in the bindings; calls use the id of the service"
            ),
            Err(ErrorKind::SchemaMismatch { expected, found }) if self.is_new(service, name) => {
                tracing::warn!(
                    %service, %endpoint, method = name, expected, found,
                    "a method differs from the bindings: calls of it will fail"
                );
            }
            _ => {}
        }
    }

    fn is_new(&self, service: &Arc<str>, method: &'static str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((service.clone(), method))
    }
}
