//! The errors of JSON-RPC.

use std::time::Duration;

use cocaine::{Error, ErrorKind, Value, graph::TreeNode};
use serde::{Serialize, Serializer};

use cocaine::json::{AsJson, ParamsError};

/// The `error` of a response.
#[derive(Debug, Serialize)]
pub(super) struct RpcError {
    code: i64,
    message: String,
    #[serde(skip_serializing_if = "Value::is_nil", serialize_with = "serialize_json")]
    data: Value,
}

impl From<ParamsError> for RpcError {
    fn from(error: ParamsError) -> Self {
        Self::invalid_params(error.to_string())
    }
}

fn serialize_json<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    AsJson(value).serialize(serializer)
}

impl RpcError {
    /// The body is not JSON.
    pub(super) fn parse(reason: &str) -> Self {
        Self::new(-32700, "Parse error", reason)
    }

    /// The value is not a request of JSON-RPC 2.0.
    pub(super) fn invalid_request(reason: &str) -> Self {
        Self::new(-32600, "Invalid request", reason)
    }

    /// The method is not of the form `SERVICE.METHOD`.
    pub(super) fn invalid_method(method: &str) -> Self {
        Self::new(-32000, "Invalid method format", &format!("`{method}` is not SERVICE.METHOD"))
    }

    /// The parameters do not fit the method, or any method.
    pub(super) fn invalid_params(reason: impl Into<String>) -> Self {
        Self { code: -32602, message: reason.into(), data: Value::Nil }
    }

    /// The parameters of a call have none of the forms.
    pub(super) fn params_form() -> Self {
        Self::invalid_params("`params` is an array, or an object with `args` and `chunks`")
    }

    /// The app has no such method, and no schema by which it could be the name of an event.
    pub(super) fn no_schema(app: &str, reason: &str) -> Self {
        let reason = format!(
            "`{app}` has only enqueue, info, control, and its events cannot be called by their names: {reason} \
             (`cocaine app upload` adds the schema)"
        );
        Self::new(-32601, "Method not found", &reason)
    }

    /// The call of an event has messages, which are for methods.
    pub(super) fn chunks_of_event() -> Self {
        Self::invalid_params(
            "`chunks` are for `enqueue`: an event that is called by its name reads the items of `$input`",
        )
    }

    /// The schema of the app has no such event.
    pub(super) fn event_not_found(app: &str, event: &str, known: &str) -> Self {
        let event: String = event.chars().take(80).collect();
        let reason = format!(
            "`{app}` has no event {event:?} in its schema, only {known}; `{app}.enqueue` calls any event with bytes"
        );
        Self::new(-32601, "Method not found", &reason)
    }

    /// The event is an HTTP request.
    pub(super) fn http_event(app: &str, event: &str) -> Self {
        let reason = format!("`{event}` of `{app}` is an HTTP request: send it to the path /{app}/{event}");
        Self::new(-32601, "Method not found", &reason)
    }

    /// What the app has answered is not what its schema says.
    pub(super) fn misfit(event: &str, reason: &str) -> Self {
        let reason = format!("the answer of {event} does not fit the schema of the app: {reason}");
        Self::new(-32005, "Answer does not fit the schema", &reason)
    }

    /// Adds the name that the app has declared for the error of a call.
    pub(super) fn with_name(mut self, name: &str) -> Self {
        if let Value::Map(entries) = &mut self.data {
            entries.push(("name".into(), name.into()));
        }
        self
    }

    /// The service has no such method.
    pub(super) fn method_not_found(service: &str, known: &str) -> Self {
        Self::new(-32601, "Method not found", &format!("`{service}` has only {known}"))
    }

    /// The caller may not call the service, or this method of it.
    pub(super) fn not_allowed(service: &str, method: &str) -> Self {
        let reason = format!(
            "`{service}.{method}` is not open to every client: list the service in `http.json_rpc_services`, or call it \
             as an administrator (`http.admin_token`, `http.admin_socket`)"
        );
        Self::new(-32004, "Access denied", &reason)
    }

    /// The method does not accept this message here.
    pub(super) fn unexpected_chunk(number: usize, name: &str, state: &TreeNode) -> Self {
        let known: Vec<_> = state.messages().map(|edge| &*edge.name).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
        Self::invalid_params(format!("chunk {number} is `{name}`: the method accepts {known} here"))
    }

    /// The result exceeds the response buffer.
    pub(super) fn result_too_long(limit: usize) -> Self {
        let reason = format!("the result is longer than {limit} bytes (`http.response_buffer`)");
        Self::new(-32099, "Generic Cocaine error", &reason)
    }

    /// There is no memory for the result.
    pub(super) fn no_memory(size: usize) -> Self {
        let reason =
            format!("no memory for a result of {size} bytes: try again later (`limits.max_memory_bytes`)");
        Self::new(-32099, "Generic Cocaine error", &reason)
    }

    /// The service did not answer in time.
    pub(super) fn timed_out(limit: Duration) -> Self {
        let reason = format!("no complete answer within {limit:?}");
        Self::new(-32003, "Timed out while waiting for response from the Cocaine", &reason)
    }

    /// Returns the error for a service that cannot be reached.
    pub(super) fn not_connected(error: &Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::Service { code, message } => format!("[{}]: {message}", code.code),
            kind => kind.to_string(),
        };
        Self::new(-32001, "Service is not connected", &reason)
    }

    /// Returns the error for a call that failed. An error of the service keeps its code, and has the category in its
    /// data.
    pub(super) fn from_call(error: &Error) -> Self {
        let (code, message) = match error.kind() {
            ErrorKind::Service { code, message } => {
                let data = Value::Map(vec![
                    ("category".into(), code.category.0.into()),
                    ("code".into(), code.code.into()),
                ]);
                return Self { code: code.code, message: message.clone(), data };
            }
            ErrorKind::SchemaMismatch { .. } => (-32601, "Method not found"),
            ErrorKind::Encode(_) => return Self::invalid_params(error.kind().to_string()),
            ErrorKind::Deadline(limit) => return Self::timed_out(*limit),
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
