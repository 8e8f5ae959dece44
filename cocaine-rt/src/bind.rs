//! What generated bindings are made of. Users write against the items of the crate's root.

pub use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

pub use crate::{
    client::service::{Service, ServiceClient},
    connection::{
        channel::{DynReceiver, DynSender, Payload},
        guard::Guard,
        halves::{Duplex, End, Receiver, Reply, ReplySender, Sender},
    },
    protocol::{
        error::{Error, Result},
        graph::Graph,
        packed::{Found, List, One, Short, Tried},
        spec::{MethodSpec, OnDrop, ServiceSpec, TreeSpec},
        types::{Args, Endpoint, Lossy, Scalar, ServiceInfo, Severity},
    },
    server::{Call, Caller, Dispatch},
    wire::{bytes::Bytes, value::Value},
};
pub use futures_core::Stream;

pub use crate::worker::event;
