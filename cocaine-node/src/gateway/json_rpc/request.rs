//! A request of JSON-RPC 2.0, in the forms of both original proxies (`worker.md` 7.3).

use cocaine::Value;

use super::json::resolve;
use crate::gateway::json_rpc::error::Fault;

/// What is to be called.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    pub(super) service: String,
    pub(super) method: String,
    pub(super) args: Vec<Value>,
    /// The messages that follow the call.
    pub(super) chunks: Vec<Message>,
    pub(super) form: Form,
}

/// A message of a channel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) args: Vec<Value>,
}

impl Request {
    /// Returns the event that is asked for: of an app the first argument, of any other service the method.
    pub(super) fn event(&self) -> &str {
        let event = self.args.first().filter(|_| self.method == "enqueue").and_then(Value::as_str);
        event.unwrap_or(&self.method)
    }
}

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The value; of a stream the list of its values.
    Values,
    /// Every message that came, as `{"event": NAME, "value": [ARGUMENTS]}`.
    Events,
}

/// A request, and the id that its response has; none for a notification, which gets no response.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: Option<Value>,
    pub(super) request: Result<Request, Fault>,
}

impl Asked {
    /// Reads a request.
    pub(super) fn of(value: Value) -> Self {
        if value.as_map().is_none() {
            return Self { id: Some(Value::Nil), request: Err(Fault::invalid("a request is an object")) };
        }
        match value.get("id") {
            Some(Value::Nil | Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Raw(_)) | None => {
                Self { id: value.get("id").cloned(), request: request(value) }
            }
            Some(_) => {
                let wrong = Fault::invalid("`id` is a string, a number or null");
                Self { id: Some(Value::Nil), request: Err(wrong) }
            }
        }
    }
}

fn request(mut value: Value) -> Result<Request, Fault> {
    if value.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(Fault::invalid("`jsonrpc` is \"2.0\""));
    }
    let Some(name) = value.get("method").and_then(Value::as_str) else {
        return Err(Fault::invalid("`method` is a string"));
    };
    let (service, method) = match name.split_once('.') {
        Some((service, method)) if !service.is_empty() && !method.is_empty() => (service, method),
        _ => return Err(Fault::method_format(name)),
    };
    let (service, method) = (service.to_owned(), method.to_owned());
    let mut chunks = take(&mut value, "chunks");
    let (args, form) = match take(&mut value, "params") {
        None => (Vec::new(), Form::Values),
        Some(Value::Array(args)) => (args, Form::Values),
        Some(mut params @ Value::Map(_)) => {
            let Some(Value::Array(args)) = take(&mut params, "args") else {
                return Err(Fault::params("'args' parameter is required and must be an array"));
            };
            chunks = take(&mut params, "chunks").or(chunks);
            (args, Form::Events)
        }
        Some(_) => return Err(Fault::params("`params` is an array, or an object with `args` and `chunks`")),
    };
    let args = args.into_iter().map(resolve).collect::<Result<_, _>>().map_err(Fault::params)?;
    Ok(Request { service, method, args, chunks: messages(chunks)?, form })
}

/// Takes a member out of an object.
fn take(value: &mut Value, name: &str) -> Option<Value> {
    let Value::Map(entries) = value else { return None };
    let at = entries.iter().position(|(key, _)| key.as_str() == Some(name))?;
    Some(entries.swap_remove(at).1)
}

fn messages(chunks: Option<Value>) -> Result<Vec<Message>, Fault> {
    match chunks {
        None => Ok(Vec::new()),
        Some(Value::Array(chunks)) => chunks.into_iter().enumerate().map(message).collect(),
        Some(_) => Err(Fault::params("`chunks` is a list of messages")),
    }
}

/// Reads `{"write": ["data"]}` or `["write", ["data"]]`.
fn message((index, chunk): (usize, Value)) -> Result<Message, Fault> {
    let wrong = || {
        let form = r#"{"NAME": [ARGUMENTS]} or ["NAME", [ARGUMENTS]]"#;
        Fault::params(format!("chunk {} is not {form}", index + 1))
    };
    let pair = match chunk {
        Value::Map(entries) => <[_; 1]>::try_from(entries).ok().map(|[entry]| entry),
        Value::Array(pair) => <[_; 2]>::try_from(pair).ok().map(|[name, args]| (name, args)),
        _ => None,
    };
    let Some((Value::Raw(name), Value::Array(args))) = pair else { return Err(wrong()) };
    let name = name.as_str().ok_or_else(wrong)?.to_owned();
    let args = args.into_iter().map(resolve).collect::<Result<_, _>>();
    Ok(Message { name, args: args.map_err(|error| Fault::params(format!("chunk {}: {error}", index + 1)))? })
}

#[cfg(test)]
mod tests;
