//! The HTTP gateway, in front of a scripted app, with clients that send exact bytes.

mod access;
mod access_log;
mod administration;
mod app;
mod client;
mod connections;
mod curl;
mod events_by_name;
mod expected;
mod failing_apps;
mod forwarding;
mod framing;
mod harness;
mod json_rpc;
mod locator;
mod memory;
mod offers;
mod recording;
mod replay;
mod requests;
mod responses;
mod slow_clients;
