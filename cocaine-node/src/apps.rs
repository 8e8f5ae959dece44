//! The apps of a node: started, stopped, looked at, and given events (`node.md`).
//!
//! ```text
//! catalog                              the apps by name
//! app                                  one app: unpacked, published, stopped
//! report  measure                      what is said of it
//! overseer  slave  event               its events and its workers
//! channels  pool  endpoint  workshop   what those are made of
//! manifest  profile  package  spawn …  what knows nothing of apps
//! ```

mod app;
mod catalog;
mod cause;
mod channels;
mod endpoint;
mod event;
mod manifest;
mod measure;
mod meter;
mod meters;
mod output;
mod overseer;
mod package;
mod pool;
mod profile;
mod report;
pub(crate) mod runtime;
mod slave;
pub(crate) mod spawn;
mod stored;
pub(crate) mod workshop;

pub(crate) use self::{
    catalog::{Apps, RunningApps},
    cause::not_found,
    event::Ask,
};
