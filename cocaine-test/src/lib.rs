//! A cloud with workers, for integration tests.
//!
//! ```
//! use cocaine_test::{Cloud, Error};
//!
//! #[cocaine::worker]
//! async fn ping(message: String) -> cocaine::Result<String> {
//!     Ok(format!("pong {message}"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let cloud = Cloud::start().await?;
//! let app = cloud.worker("echo", |worker| worker.serve(cocaine::events![ping])).await?;
//! assert_eq!(app.call::<String>("ping", "Ada").await?, "pong Ada");
//! # Ok(())
//! # }
//! ```
//!
//! [`Cloud::worker`] runs a worker in the test's process, where it shares the test's memory and a debugger reaches it.
//! [`Cloud::program`] runs a program, such as `env!("CARGO_BIN_EXE_my-worker")`, as a node would elsewhere. Both are
//! connected by the node's own protocol.
//!
//! # What a test can rely on
//!
//! - A cloud has a node of its own, in a thread of its own: on free ports of 127.0.0.1, with its data in memory. Any number of
//!   clouds run side by side, and tests may block their thread. Tokio's clock must not be paused.
//! - When the [`Cloud`] is dropped, also by a panic, its node stops and its workers have ended. When the test's process is killed,
//!   what a program has started in its own process group is killed, too; what has left that group is not.
//! - What programs print is printed by the test, as `[app] line`, and so is shown with a failed test, or by `--nocapture`. What a
//!   worker in this process prints is shown as it is, and is not part of [`App::output`], but for the error that it ends with.
//! - An error of an [`App`] says what was waited for, and shows the worker's last output.
//!
//! Tests of code that only calls services need no cloud: `cocaine-bindings` has doubles of all services.
//!
//! The crate has no features.

mod app;
mod cloud;
mod deployment;
mod error;
mod node_thread;
mod output;

pub use self::{
    app::App,
    cloud::{Cloud, CloudBuilder},
    deployment::Deployment,
    error::Error,
};
