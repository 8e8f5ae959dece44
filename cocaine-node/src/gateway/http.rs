//! HTTP/1.x towards clients: connections, request bodies, requests as apps receive them, and responses.

pub(super) mod body;
pub(super) mod counted;
pub(super) mod error;
pub(super) mod forwarded;
pub(super) mod json_body;
pub(super) mod listener;
pub(super) mod phase;
pub(super) mod port;
pub(super) mod request;
pub(super) mod request_body;
pub(super) mod request_id;
pub(super) mod response;
mod socket;
pub(super) mod upload;
