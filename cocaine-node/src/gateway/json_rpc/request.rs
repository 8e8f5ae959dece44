//! Parsing of requests, in the forms of both original proxies (`worker.md` 7.3).

use cocaine::Value;

use super::error::RpcError;
use cocaine::json::resolve_forms;

/// The members of a request, before it is known what its parameters are for.
#[derive(Debug, PartialEq)]
pub(super) struct RpcMembers {
    pub(super) service: String,
    pub(super) method: String,
    pub(super) params: Option<Value>,
    pub(super) chunks: Option<Value>,
}

impl RpcMembers {
    /// Returns whether the method is one that every app has, so that it is not the name of an event.
    pub(super) fn is_method_of_apps(&self) -> bool {
        ["enqueue", "info", "control"].contains(&self.method.as_str())
    }

    /// Returns the error of a call that reaches no event: `error`, or what is wrong with parameters that are not by name.
    pub(super) fn into_error(self, error: RpcError) -> RpcError {
        match &self.params {
            Some(params @ Value::Map(_)) if params.get("args").is_none() => error,
            _ => self.into_request().err().unwrap_or(error),
        }
    }

    /// Parses the parameters of a method.
    ///
    /// # Errors
    /// Parameters that are not those of any method.
    pub(super) fn into_request(self) -> Result<RpcRequest, RpcError> {
        let Self { service, method, params, mut chunks } = self;
        let (args, form) = match params {
            None => (Vec::new(), ResultForm::Values),
            Some(Value::Array(args)) => (args, ResultForm::Values),
            Some(mut params @ Value::Map(_)) => {
                let Some(Value::Array(args)) = remove_member(&mut params, "args") else {
                    let text = "'args' parameter is required and must be an array";
                    return Err(RpcError::invalid_params(text));
                };
                chunks = remove_member(&mut params, "chunks").or(chunks);
                (args, ResultForm::Events)
            }
            Some(_) => return Err(RpcError::params_form()),
        };
        let args = args.into_iter().map(resolve_forms).collect::<Result<_, _>>();
        let args = args.map_err(RpcError::invalid_params)?;
        Ok(RpcRequest { service, method, args, chunks: parse_messages(chunks)?, form })
    }
}

/// A call of a method that a request asks for.
#[derive(Debug, PartialEq)]
pub(super) struct RpcRequest {
    pub(super) service: String,
    pub(super) method: String,
    pub(super) args: Vec<Value>,
    /// The messages that follow the call.
    pub(super) chunks: Vec<RpcMessage>,
    pub(super) form: ResultForm,
}

/// A message on a channel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RpcMessage {
    pub(super) name: String,
    pub(super) args: Vec<Value>,
}

impl RpcRequest {
    /// Returns the event that is called: the first argument of `enqueue`, and otherwise the method.
    pub(super) fn event(&self) -> &str {
        let event = self.args.first().filter(|_| self.method == "enqueue").and_then(Value::as_str);
        event.unwrap_or(&self.method)
    }
}

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResultForm {
    /// The value, or the list of values of a stream.
    Values,
    /// Every message received, as `{"event": NAME, "value": [ARGUMENTS]}`.
    Events,
}

/// A request, and the id of its response; a notification has none and gets no response.
#[derive(Debug)]
pub(super) struct ParsedRequest {
    pub(super) id: Option<Value>,
    pub(super) request: Result<RpcMembers, RpcError>,
}

impl ParsedRequest {
    /// Parses a request.
    pub(super) fn parse(value: Value) -> Self {
        if value.as_map().is_none() {
            return Self {
                id: Some(Value::Nil),
                request: Err(RpcError::invalid_request("a request is an object")),
            };
        }
        match value.get("id") {
            Some(Value::Nil | Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Raw(_)) | None => {
                Self { id: value.get("id").cloned(), request: parse_members(value) }
            }
            Some(_) => {
                let error = RpcError::invalid_request("`id` is a string, a number or null");
                Self { id: Some(Value::Nil), request: Err(error) }
            }
        }
    }
}

fn parse_members(mut value: Value) -> Result<RpcMembers, RpcError> {
    if value.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(RpcError::invalid_request("`jsonrpc` is \"2.0\""));
    }
    let Some(name) = value.get("method").and_then(Value::as_str) else {
        return Err(RpcError::invalid_request("`method` is a string"));
    };
    let (service, method) = match name.split_once('.') {
        Some((service, method)) if !service.is_empty() && !method.is_empty() => (service, method),
        _ => return Err(RpcError::invalid_method(name)),
    };
    let (service, method) = (service.to_owned(), method.to_owned());
    let (chunks, params) = (remove_member(&mut value, "chunks"), remove_member(&mut value, "params"));
    Ok(RpcMembers { service, method, params, chunks })
}

/// Removes a member from an object.
fn remove_member(value: &mut Value, name: &str) -> Option<Value> {
    let Value::Map(entries) = value else { return None };
    let at = entries.iter().position(|(key, _)| key.as_str() == Some(name))?;
    Some(entries.swap_remove(at).1)
}

fn parse_messages(chunks: Option<Value>) -> Result<Vec<RpcMessage>, RpcError> {
    match chunks {
        None => Ok(Vec::new()),
        Some(Value::Array(chunks)) => chunks.into_iter().enumerate().map(parse_message).collect(),
        Some(_) => Err(RpcError::invalid_params("`chunks` is a list of messages")),
    }
}

/// Parses `{"write": ["data"]}` or `["write", ["data"]]`.
fn parse_message((index, chunk): (usize, Value)) -> Result<RpcMessage, RpcError> {
    let malformed = || {
        let form = r#"{"NAME": [ARGUMENTS]} or ["NAME", [ARGUMENTS]]"#;
        RpcError::invalid_params(format!("chunk {} is not {form}", index + 1))
    };
    let pair = match chunk {
        Value::Map(entries) => <[_; 1]>::try_from(entries).ok().map(|[entry]| entry),
        Value::Array(pair) => <[_; 2]>::try_from(pair).ok().map(|[name, args]| (name, args)),
        _ => None,
    };
    let Some((Value::Raw(name), Value::Array(args))) = pair else { return Err(malformed()) };
    let name = name.as_str().ok_or_else(malformed)?.to_owned();
    let args = args.into_iter().map(resolve_forms).collect::<Result<_, _>>();
    Ok(RpcMessage {
        name,
        args: args.map_err(|error| RpcError::invalid_params(format!("chunk {}: {error}", index + 1)))?,
    })
}

#[cfg(test)]
mod tests;
