//! HTTP as an event (`worker.md` 6): one chunk is a request, the first chunk of the answer is its status and headers,
//! and those that follow are its body.

mod form;
mod hop;

pub use self::{
    form::{RequestChunk, read_meta, write_meta, write_request},
    hop::end_to_end,
};
