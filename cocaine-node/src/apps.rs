//! The apps of a node: uploaded programs that handle events (`node.md`).
//!
//! ```text
//! catalog   started_apps         the apps by name, and those that start again with the node
//! app   publication   service    one app: its state, its name in the locator, its service
//! local_app                      an app for callers in the node
//! report/                        the answers to `info`, and metrics
//! housekeeping                   removes what is of no use any more
//! current_overseer               the overseer of the generation that runs
//! overseer/                      the events and the workers of one generation of an app
//! event/                         one event, between its client and its worker
//! worker/                        one worker, from its start to its exit
//! process/                       its process and its output
//! package/                       the files of an app
//! profile/                       its profile and its manifest
//! crashlogs                      the stored output of workers that crashed
//! errors                         the original's codes and texts
//! ```
//!
//! A module uses those below it.

mod app;
mod catalog;
mod crashlogs;
mod current_overseer;
mod errors;
mod event;
mod housekeeping;
mod local_app;
mod overseer;
mod package;
mod process;
mod profile;
mod publication;
mod report;
mod service;
mod started_apps;
mod worker;

pub(crate) use self::{
    catalog::{Apps, AppsGuard},
    crashlogs::{CrashlogLimits, Crashlogs},
    errors::not_found,
    event::request::EventRequest,
    housekeeping::Housekeeper,
    local_app::LocalApp,
    overseer::{environment::AppEnvironment, permits::WorkerPermits},
    package::folders::{AppFolders, FolderError},
    process::{embedded::EmbeddedWorkers, spawner::Spawner},
    report::totals::AppTotals,
    worker::launcher::WorkerLauncher,
};
