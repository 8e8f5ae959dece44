//! Which event a request is for, the connections to services, and calls of events.

pub(super) mod app_schemas;
pub(super) mod app_state;
pub(super) mod body_offer;
pub(super) mod event_call;
pub(super) mod lease_pool;
pub(super) mod local_apps;
pub(super) mod route;
pub(super) mod service_pool;
