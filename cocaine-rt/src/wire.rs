//! The bytes: frames, the `MessagePack` dialect of the original runtime, and headers. No meaning, no I/O.

pub(crate) mod bytes;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod format;
pub(crate) mod frame;
pub(crate) mod headers;
pub(crate) mod hpack;
pub(crate) mod map_entries;
pub(crate) mod scan;
pub(crate) mod scratch;
pub mod text;
pub(crate) mod value;
