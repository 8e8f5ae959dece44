//! What a caller of JSON-RPC is told when there is no result.

use cocaine::{Error, ErrorKind, TreeNode, Value};
use serde::{Serialize, Serializer};

use super::json::Json;

/// The `error` of a response.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    code: i64,
    message: String,
    #[serde(skip_serializing_if = "Value::is_nil", serialize_with = "json")]
    data: Value,
}

fn json<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    Json(value).serialize(serializer)
}

impl Fault {
    /// What came is not JSON.
    pub(super) fn parse(reason: &str) -> Self {
        Self::new(-32700, "Parse error", reason)
    }

    /// What came is not a request of JSON-RPC 2.0.
    pub(super) fn invalid(reason: &str) -> Self {
        Self::new(-32600, "Invalid request", reason)
    }

    /// The method has no dot in it.
    pub(super) fn method_format(method: &str) -> Self {
        Self::new(-32000, "Invalid method format", &format!("`{method}` is not SERVICE.METHOD"))
    }

    /// The parameters are not what the method, or any method, takes.
    pub(super) fn params(reason: impl Into<String>) -> Self {
        Self { code: -32602, message: reason.into(), data: Value::Nil }
    }

    /// The service has no such method.
    pub(super) fn no_method(service: &str, known: &str) -> Self {
        Self::new(-32601, "Method not found", &format!("`{service}` has only {known}"))
    }

    /// The method takes no such message here.
    pub(super) fn chunk(number: usize, name: &str, state: &TreeNode) -> Self {
        let known: Vec<_> = state.messages().map(|edge| &*edge.name).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        Self::params(format!("chunk {number} is `{name}`: the method takes {known} here"))
    }

    /// The answer is larger than this gateway keeps.
    pub(super) fn too_long(limit: usize) -> Self {
        let reason = format!("the answer is longer than {limit} bytes (`http.response_buffer`)");
        Self::new(-32099, "Generic Cocaine error", &reason)
    }

    /// The service has not answered in time.
    pub(super) fn late(limit: std::time::Duration) -> Self {
        let reason = format!("no answer, or no end of it, within {limit:?}");
        Self::new(-32003, "Timed out while waiting for response from the Cocaine", &reason)
    }

    /// Returns what is told of a service that cannot be reached.
    pub(super) fn unreachable(error: &Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::Service { code, message } => format!("[{}]: {message}", code.code),
            kind => kind.to_string(),
        };
        Self::new(-32001, "Service is not connected", &reason)
    }

    /// Returns what is told of a call that has failed. The code of a service's own error is that of the service, and
    /// its category is among the data.
    pub(super) fn of(error: &Error) -> Self {
        let (code, message) = match error.kind() {
            ErrorKind::Service { code, message } => {
                let data = Value::Map(vec![
                    ("category".into(), code.category.0.into()),
                    ("code".into(), code.code.into()),
                ]);
                return Self { code: code.code, message: message.clone(), data };
            }
            ErrorKind::SchemaMismatch { .. } => (-32601, "Method not found"),
            ErrorKind::Encode(_) => return Self::params(error.kind().to_string()),
            ErrorKind::Deadline(limit) => return Self::late(*limit),
            ErrorKind::Connect(_) => (-32001, "Service is not connected"),
            ErrorKind::Decode(_) | ErrorKind::Protocol(_) => (-32002, "Protocol violation"),
            _ => (-32099, "Generic Cocaine error"),
        };
        Self::new(code, message, &error.kind().to_string())
    }

    fn new(code: i64, message: &str, reason: &str) -> Self {
        Self { code, message: message.into(), data: reason.into() }
    }
}
