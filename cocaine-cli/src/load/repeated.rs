//! A call that is made many times.

use std::time::Duration;

use cocaine::{Args, Bytes, Code, Duplex, ErrorKind, Service, Value, msgpack};
use tokio::time::timeout;

use crate::call::event::EventCall;

/// A call whose arguments are ready.
#[derive(Debug)]
pub(crate) struct RepeatedCall<'a> {
    kind: RepeatedKind<'a>,
    /// How long the whole answer may take.
    deadline: Duration,
}

#[derive(Debug)]
enum RepeatedKind<'a> {
    /// A method that answers once.
    Unary { service: &'a Service, method: &'a str, args: &'a Args },
    /// A method that answers with a stream.
    Streaming { service: &'a Service, method: &'a str, args: &'a Args },
    /// An event of an app, with the chunks of its arguments.
    Event { call: &'a EventCall<'a>, chunks: &'a [Bytes] },
}

/// Why a call has failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The code of the service, if the error is its own.
    pub(crate) code: Option<Code>,
    pub(crate) name: String,
    /// Whether the answer has not come in time.
    pub(crate) is_timeout: bool,
    pub(crate) error: cocaine::Error,
}

impl Failure {
    fn new(error: cocaine::Error, declared_name: Option<&str>) -> Self {
        let code = error.code();
        let name = match (declared_name, code) {
            (Some(name), _) => name.to_owned(),
            (None, Some(code)) => code.name().map_or_else(|| code.to_string(), str::to_owned),
            (None, None) => kind_name(error.kind()).to_owned(),
        };
        let is_timeout = code == Some(Code::TIMED_OUT) || matches!(error.kind(), ErrorKind::Deadline(_));
        Self { code, name, is_timeout, error }
    }

    /// Returns the failure of a stream that has not ended in time.
    fn of_deadline(deadline: Duration) -> Self {
        let text = format!("no whole answer within {} s", deadline.as_secs_f64());
        let name = kind_name(&ErrorKind::Deadline(deadline)).to_owned();
        let error = cocaine::Error::service(Code::TIMED_OUT, text);
        Self { code: None, name, is_timeout: true, error }
    }

    /// Returns whether the service has not said anything.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.code.is_none()
    }
}

impl<'a> RepeatedCall<'a> {
    /// Returns a call of a method that answers once.
    pub(crate) fn unary(service: &'a Service, method: &'a str, args: &'a Args, deadline: Duration) -> Self {
        Self { kind: RepeatedKind::Unary { service, method, args }, deadline }
    }

    /// Returns a call of a method that answers with a stream.
    pub(crate) fn streaming(
        service: &'a Service,
        method: &'a str,
        args: &'a Args,
        deadline: Duration,
    ) -> Self {
        Self { kind: RepeatedKind::Streaming { service, method, args }, deadline }
    }

    /// Returns a call of an event.
    pub(crate) fn event(call: &'a EventCall<'a>, chunks: &'a [Bytes], deadline: Duration) -> Self {
        Self { kind: RepeatedKind::Event { call, chunks }, deadline }
    }

    /// Makes the call, and returns how many bytes the values of the answer have.
    pub(crate) async fn send(&self) -> Result<u64, Failure> {
        match &self.kind {
            // The connection watches over the deadline, without a timer for each call.
            RepeatedKind::Unary { service, method, args } => match service.call(*method, *args).await {
                Ok(answer) => Ok(args_size(&answer)),
                Err(error) => Err(Failure::new(error, None)),
            },
            RepeatedKind::Streaming { service, method, args } => {
                match timeout(self.deadline, read_stream(service, method, args)).await {
                    Ok(answer) => answer.map_err(|error| Failure::new(error, None)),
                    Err(_) => Err(Failure::of_deadline(self.deadline)),
                }
            }
            RepeatedKind::Event { call, chunks } => {
                match timeout(self.deadline, send_event(call, chunks)).await {
                    Ok(answer) => answer.map_err(|error| {
                        let name = call.error_name(&error);
                        Failure::new(error, name)
                    }),
                    Err(_) => Err(Failure::of_deadline(self.deadline)),
                }
            }
        }
    }
}

async fn read_stream(service: &Service, method: &str, args: &Args) -> cocaine::Result<u64> {
    let mut items = service.stream::<_, Args>(method, args);
    let mut size = 0;
    while let Some(item) = items.recv().await {
        size += args_size(&item?);
    }
    Ok(size)
}

async fn send_event(call: &EventCall<'_>, chunks: &[Bytes]) -> cocaine::Result<u64> {
    let Duplex { mut tx, mut rx } = call.open().await?;
    let sending = async {
        for chunk in chunks {
            tx.send(chunk.clone()).await?;
        }
        tx.finish()
    };
    let receiving = async {
        let mut size = 0;
        while let Some(chunk) = rx.recv().await {
            size += chunk?.len() as u64;
        }
        Ok(size)
    };
    // A worker may answer before it has read everything, and its answer is what counts.
    let (sent, received) = tokio::join!(sending, receiving);
    let size = received?;
    sent.map(|()| size)
}

fn kind_name(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Connect(_) => "not connected",
        ErrorKind::Disconnected(_) => "disconnected",
        ErrorKind::Deadline(_) => "timed out",
        ErrorKind::Encode(_) | ErrorKind::InvalidArguments(_) => "wrong arguments",
        ErrorKind::Decode(_) | ErrorKind::Protocol(_) => "wrong answer",
        ErrorKind::LimitExceeded(_) => "limit exceeded",
        _ => "failed",
    }
}

fn args_size(Args(values): &Args) -> u64 {
    values.iter().map(size).sum()
}

/// Returns how many bytes a text has, or the encoding of another value.
fn size(value: &Value) -> u64 {
    match value {
        Value::Raw(raw) => raw.len() as u64,
        // A value that was received can be encoded.
        other => msgpack::to_vec(other).map_or(0, |encoded| encoded.len() as u64),
    }
}
