//! What generated bindings are made of. Users write against the items of the crate's root.

pub use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

pub use crate::{
    client::{
        methods::Selector,
        service::{Service, ServiceClient},
    },
    connection::{
        channel::{DynReceiver, DynSender, Payload},
        guard::Guard,
        halves::{Duplex, End, Receiver, Reply, ReplySender, Sender},
    },
    protocol::{
        args::Args,
        endpoint::{Endpoint, ServiceInfo},
        error::{Error, Result},
        graph::Graph,
        lossy::Lossy,
        packed::{Found, List, One, Short, Tried},
        panic::panic_text,
        request_timeout::{REQUEST_TIMEOUT, decode_request_timeout, encode_request_timeout},
        scalar::Scalar,
        severity::Severity,
        spec::{MethodSpec, OnDrop, ServiceSpec, TreeSpec},
    },
    server::{Call, Caller, Dispatch},
    wire::{bytes::Bytes, value::Value},
};
pub use futures_core::Stream;

pub use crate::worker::event;
