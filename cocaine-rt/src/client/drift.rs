//! What differs between bindings and the services that they are for, logged once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    client::{connection::Link, methods::Bound},
    protocol::{
        error::{Error, ErrorKind},
        spec::{MethodSpec, ServiceSpec},
    },
};

/// What a client has logged: of each service the methods that differ, and an empty name for its version.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeSet<(Arc<str>, &'static str)>>);

impl Told {
    /// Logs how the service at the other end of `link` differs from its bindings, but for what was logged before:
    /// connecting again says nothing new.
    pub(crate) fn tell(&self, spec: &'static ServiceSpec, version: u64, link: &Link) {
        let (service, endpoint) = (&link.service, link.handle.peer());
        if version != spec.version && self.is_new(service, "") {
            tracing::info!(
                %service, %endpoint, expected = spec.version, found = version,
                "the service has another version than the bindings"
            );
        }
        for (method, bound) in spec.methods.iter().zip(link.table.bound()) {
            self.tell_method(method, bound.as_ref(), service, endpoint);
        }
    }

    fn tell_method(
        &self,
        method: &MethodSpec,
        bound: Result<&Bound, &Error>,
        service: &Arc<str>,
        endpoint: &str,
    ) {
        let name = method.name;
        match bound.map_err(Error::kind) {
            Ok(bound) if bound.id != method.id && self.is_new(service, name) => tracing::info!(
                %service, %endpoint, method = name, expected = method.id, found = bound.id,
                "a method has another id than in the bindings, and is called by that"
            ),
            Err(ErrorKind::SchemaMismatch { expected, found }) if self.is_new(service, name) => {
                tracing::warn!(
                    %service, %endpoint, method = name, expected, found,
                    "a method is not what the bindings expect: calls of it will fail"
                );
            }
            _ => {}
        }
    }

    fn is_new(&self, service: &Arc<str>, method: &'static str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((service.clone(), method))
    }
}
