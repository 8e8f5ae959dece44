//! The runtime support for the expansion of `#[cocaine::worker]`: it extracts the arguments of an event, runs the
//! handler, and sends the reply.
//!
//! ```text
//! run         one event, from its first chunk to its end
//! extractors  how each type of argument is extracted, and what it claims
//! arguments   the list of arguments, and their extraction in order
//! source      the first chunk and the parts of the session, which arguments are extracted from
//! probes      the types of a handler, for the schema of its event
//! claims      which arguments can be combined
//! reply       the return value of a handler
//! error       the error of a handler
//! imitation   the events of generated code that imitates an app
//! ```

mod arguments;
mod claims;
mod error;
mod extractors;
mod imitation;
mod probes;
mod reply;
mod run;
mod source;

pub use self::{
    arguments::{EventArguments, arguments},
    imitation::{add, error_definition},
    probes::{
        ArgumentProbe, ChunkProbe, ErrorProbe, InfallibleProbe, OpaqueArgument, OpaqueChunk, OpaquePart,
        OutputProbe, ReplyProbe, SingleReply, UndeclaredError, output_probe,
    },
    reply::{
        DisplayedError, ErrorStream, HandlerOutput, HandlerReply, HandlerResult, InfallibleOutput,
        ReplyEncoder, UncodedReply, ViaChunk, ViaStream,
    },
    run::run,
};
pub use super::description::{DescribeFn, EventDescriber};
pub use super::events::{Events, ExecutionMode, HandlerRegistry};

/// An event as the macro describes it.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// Whether its handler is dropped when the client disconnects.
    pub cancel: bool,
}

#[cfg(test)]
mod tests;
