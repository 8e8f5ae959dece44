//! The control socket of a running node, `run/control` in its data folder: how the program reaches the node that has a folder
//! open. Only processes of the node's user can connect to it.
//!
//! It speaks HTTP:
//!
//! | request | answer |
//! |---|---|
//! | `GET /backup` | a backup of the stored data, as it is at the start of the answer |
//! | `POST /compact` | the sizes of the database in bytes before and after its compaction, as JSON |

mod backup_stream;
mod client;
mod server;
mod socket_path;

pub(crate) use self::{client::ControlClient, server::ControlServer};

const BACKUP: &str = "/backup";
const COMPACT: &str = "/compact";
