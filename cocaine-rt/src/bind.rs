//! What generated bindings are made of. Users write against the items of the crate's root.

pub use serde::{self, Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

pub use crate::{
    client::{
        event::{
            arguments::FirstChunk,
            halves::{EventReceiver, EventReply, EventSender},
            spec::EventSpec,
        },
        methods::Selector,
        service::Service,
        service_client::ServiceClient,
    },
    connection::{
        channel::Payload,
        dyn_receiver::DynReceiver,
        dyn_sender::DynSender,
        guard::Guard,
        halves::{Duplex, End, Receiver, Reply, ReplySender, Sender},
    },
    protocol::{
        args::Args,
        endpoint::{Endpoint, ServiceInfo},
        error::{
            Error, Result,
            declared::{coded_error, error_code, with_code},
        },
        graph::Graph,
        lossy::LossyStr,
        packed::{FlaggedOption, FlaggedResult, MaybeFlatVec, OptionalTail, SingleArgument},
        panic::panic_text,
        request_timeout::{REQUEST_TIMEOUT, decode_request_timeout, encode_request_timeout},
        scalar::Scalar,
        severity::Severity,
        spec::{MethodSpec, OnDrop, ServiceSpec, TreeSpec},
    },
    server::{Call, Caller, Dispatch},
    wire::{bytes::Bytes, map_entries::MapEntries, value::Value},
};
pub use cocaine_macros::Schema;
pub use futures_core::Stream;

pub use crate::{
    schema::{Schema, derived as schema},
    worker::event,
};

/// Lists the events of functions under `#[cocaine::worker]`, for a worker that serves them all. A type with an `impl`
/// block of events can be listed too, if it has a default.
///
/// ```
/// mod math {
///     #[cocaine::worker]
///     pub async fn sum(a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// #[cocaine::worker]
/// async fn ping() -> &'static str {
///     "pong"
/// }
///
/// async fn serve(worker: cocaine::Worker) -> cocaine::Result<()> {
///     worker.serve(cocaine::events![ping, math::sum]).await
/// }
/// ```
#[macro_export]
macro_rules! events {
    ($($event:ty),* $(,)?) => {{
        /// The listed events.
        #[derive(Clone, Copy, Debug)]
        struct EventList;

        impl $crate::bind::event::Events for EventList {
            fn register(self, #[allow(unused_variables)] registry: &mut $crate::bind::event::HandlerRegistry) {
                $($crate::bind::event::Events::register(<$event as ::core::default::Default>::default(), registry);)*
            }

            fn describe(#[allow(unused_variables)] registry: &mut $crate::bind::event::HandlerRegistry) {
                $(<$event as $crate::bind::event::Events>::describe(registry);)*
            }
        }

        EventList
    }};
}
