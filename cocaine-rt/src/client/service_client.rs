//! The typed clients that are generated around a [`Service`].

use std::time::Duration;

use crate::{client::service::Service, protocol::spec::ServiceSpec, wire::bytes::Bytes};

/// A generated client: bindings around a [`Service`].
pub trait ServiceClient: Sized + Send {
    /// The service that the bindings were generated for.
    const SPEC: &'static ServiceSpec;

    /// Returns the bindings of a service.
    fn from_service(service: Service) -> Self;

    /// Returns the untyped service.
    fn service(&self) -> &Service;

    /// Returns the same client with another deadline for each call ([`Service::with_deadline`]).
    #[must_use]
    fn with_deadline(&self, deadline: Duration) -> Self {
        Self::from_service(self.service().with_deadline(deadline))
    }

    /// Returns the same client with a header on each call ([`Service::with_header`]).
    #[must_use]
    fn with_header(&self, name: &str, value: impl Into<Bytes>) -> Self {
        Self::from_service(self.service().with_header(name, value))
    }
}
