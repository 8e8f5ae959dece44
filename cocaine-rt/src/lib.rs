//! The wire of the Cocaine cloud.

mod codes;
mod error;

pub use codes::Category;
pub use error::{Error, ErrorKind, Fault, Result};
