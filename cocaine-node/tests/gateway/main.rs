//! The HTTP gateway, in front of an app that answers by script, asked by clients that send exact bytes.

mod app;
mod cases;
mod client;
mod curl;
mod expected;
mod faults;
mod names;
mod recorded;
mod replay;
mod rpc;
