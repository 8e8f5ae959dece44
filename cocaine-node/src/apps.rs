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
mod errors;
mod event;
mod overseer;
pub(crate) mod package;
pub(crate) mod process;
mod profile;
mod report;
pub(crate) mod worker;

pub(crate) use self::{
    catalog::{Apps, RunningApps},
    errors::not_found,
    event::Ask,
};
