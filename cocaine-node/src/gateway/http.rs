//! HTTP/1.x towards clients: connections, requests as events carry them, and responses.

pub(super) mod body;
pub(super) mod error;
pub(super) mod listener;
pub(super) mod request;
pub(super) mod request_id;
pub(super) mod response;
mod socket;
