//! A call of a service's method.

use cocaine::json::resolve_forms;
use cocaine::{
    Args, Duplex, DynReceiver, DynSender, Service, Value,
    graph::{CallKind, Method},
};

use super::{
    answer::{Answer, AnswerPrinter},
    arguments::{Argument, json},
    input::{Input, answered},
};
use crate::error::{Error, Result};

/// A call of a method.
pub(crate) struct MethodCall<'a> {
    pub(crate) service: &'a Service,
    pub(crate) method: &'a Method,
    pub(crate) printer: AnswerPrinter,
}

impl MethodCall<'_> {
    /// Calls the method, and prints what it answers.
    ///
    /// # Errors
    /// The service's own, and arguments that have names, which methods do not know.
    pub(crate) async fn run(&self, arguments: &[Argument], input: Option<Input>) -> Result<()> {
        let kind = CallKind::of(&self.method.dispatch, &self.method.upstream);
        if input.is_some() && kind != CallKind::Session {
            return Err(Error::Usage(format!(
                "{} takes no messages after its arguments: leave `--input` out",
                self.name()
            )));
        }
        let (name, args) =
            (&*self.method.name, positional_args(self.service.name(), self.method, arguments)?);
        match kind {
            CallKind::Mute => self.service.send(name, args).await.map_err(self.failed()),
            CallKind::Unary => {
                let answer: Args = self.service.call(name, args).await.map_err(self.failed())?;
                self.print(answer)
            }
            CallKind::Streaming => {
                let mut items = self.service.stream::<_, Args>(name, args);
                let printer = self.streaming();
                while let Some(item) = items.recv().await {
                    if let Some(answer) = answer(item.map_err(self.failed())?) {
                        printer.print(&answer)?;
                    }
                }
                Ok(())
            }
            _ => {
                let opened = self.service.open(name, args).await.map_err(self.failed())?;
                self.session(opened, input).await
            }
        }
    }

    fn name(&self) -> String {
        format!("{}.{}", self.service.name(), self.method.name)
    }

    fn failed(&self) -> impl FnOnce(cocaine::Error) -> Error + use<> {
        Error::while_doing(self.name())
    }

    fn streaming(&self) -> AnswerPrinter {
        AnswerPrinter { is_stream: true, ..self.printer }
    }

    /// Prints the values of a reply: nothing if there are none, and a list of several.
    fn print(&self, args: Args) -> Result<()> {
        answer(args).map_or(Ok(()), |answer| self.printer.print(&answer))
    }

    /// Sends a message for each line, `NAME [ARGUMENTS]`, and prints each message of the service: its arguments, or an object with its
    /// name and them if the name says something.
    async fn session(&self, opened: Duplex<DynSender, DynReceiver>, input: Option<Input>) -> Result<()> {
        let Duplex { tx, rx } = opened;
        let (sent, received) = tokio::join!(self.send_lines(tx, input), self.receive(rx));
        answered(received, sent)
    }

    async fn send_lines(&self, mut tx: DynSender, input: Option<Input>) -> Result<()> {
        if let Some(mut input) = input {
            while let Some(line) = input.next_line().await? {
                let (name, text) = line.trim().split_once(' ').unwrap_or((line.trim(), "[]"));
                if name.is_empty() {
                    continue;
                }
                let args =
                    message_args(text).map_err(|reason| Error::Usage(format!("`{line}`: {reason}")))?;
                if !tx.allowed().iter().any(|allowed| allowed == name) {
                    let allowed = tx.allowed().join(", ");
                    return Err(Error::Usage(format!("`{line}`: {} takes {allowed} now", self.name())));
                }
                tx.send(name, args).await.map_err(self.failed())?;
            }
        }
        if tx.allowed().iter().any(|allowed| allowed == "close") {
            tx.send("close", ()).await.map_err(self.failed())?;
        }
        Ok(())
    }

    async fn receive(&self, mut rx: DynReceiver) -> Result<()> {
        let printer = self.streaming();
        while let Some(message) = rx.recv().await {
            let (name, payload) = message.map_err(self.failed())?;
            let args: Args = payload.decode().map_err(self.failed())?;
            match &*name {
                "write" | "value" => {
                    if let Some(answer) = answer(args) {
                        printer.print(&answer)?;
                    }
                }
                "close" => {}
                _ => {
                    let named = vec![("message".into(), name.into()), ("args".into(), Value::Array(args.0))];
                    printer.print(&Answer::new(Value::Map(named)))?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the arguments of a method.
///
/// # Errors
/// Some have names, which methods do not know.
pub(crate) fn positional_args(service: &str, method: &Method, arguments: &[Argument]) -> Result<Args> {
    if let Some(name) = arguments.iter().find_map(|argument| argument.name.as_ref()) {
        return Err(Error::Usage(format!(
            "--{name}: arguments of {service}.{} have no names, since it is a method of a service; give them in their order, and \
             options of the command before {service}",
            method.name
        )));
    }
    arguments.iter().map(Argument::value).collect::<Result<_>>().map(Args)
}

/// Returns the arguments of a message: a JSON array, or the only one.
fn message_args(text: &str) -> Result<Args, String> {
    let value = json(text).map_or_else(|| Ok(text.into()), resolve_forms)?;
    Ok(Args(match value {
        Value::Array(items) => items,
        value => vec![value],
    }))
}

/// Returns the only value, or the list of several.
fn answer(args: Args) -> Option<Answer> {
    let Args(mut values) = args;
    match values.len() {
        0 => None,
        1 => values.pop().map(Answer::new),
        _ => Some(Answer::new(Value::Array(values))),
    }
}
