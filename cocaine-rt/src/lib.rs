//! The wire of the Cocaine cloud.

mod bytes;
mod codes;
mod decode;
mod encode;
mod error;
pub mod msgpack;
mod scan;
mod value;

pub use bytes::Bytes;
pub use codes::Category;
pub use error::{Error, ErrorKind, Fault, Result};
pub use value::Value;
