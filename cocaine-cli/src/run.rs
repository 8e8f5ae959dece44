//! Apps in development: built, uploaded, started and followed, and built again with each change of their files.
//!
//! ```text
//! session       the whole, until a signal
//! deployment    one app in the cloud: what was found there, and what replaces it
//! own_node      the node that is started where no cloud answers
//! build         the command that builds an app, and its package
//! watcher       files that change
//! snapshot      which files matter, and how they are
//! screen        what is shown
//! project       which apps there are: of `Cocaine.toml` (`apps_file`), or crates (`workspace`)
//! stages        what each app does
//! process_group processes that end together
//! ```

mod apps_file;
mod build;
mod deployment;
mod own_node;
mod process_group;
mod project;
mod screen;
mod session;
mod snapshot;
mod stages;
mod watcher;
mod workspace;

#[cfg(target_os = "linux")]
pub(crate) use self::own_node::stop_with;
pub(crate) use self::{
    own_node::OWN_NODE,
    project::Project,
    session::{RunOptions, run},
};
