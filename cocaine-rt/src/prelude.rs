//! The names that most programs need: `use cocaine::prelude::*`.

pub use cocaine_macros::worker;

pub use crate::{
    client::{Client, service::Service},
    events,
    protocol::{
        code::Code,
        error::{Error, Result},
    },
    wire::bytes::Bytes,
    worker::{Session, Worker},
};
