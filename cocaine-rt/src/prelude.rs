//! The names that most programs need: `use cocaine::prelude::*`.

pub use cocaine_macros::worker;

pub use crate::{Bytes, Client, Code, Error, Result, Service, Session, Worker, events};
