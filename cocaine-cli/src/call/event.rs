//! A call of an app's event.

use std::borrow::Cow;

use cocaine::json::{Conversion, ConversionDirection, encode_params};
use cocaine::{
    Bytes, Duplex, Receiver, Sender, Service, Value, msgpack,
    schema::{AppSchema, ArgumentSchema, EventKind, EventOutput, EventSchema, HASH_HEADER, Type, hash_text},
};

use super::{
    answer::{Answer, AnswerPrinter},
    arguments::{Argument, event_params, json},
    input::{Input, InputForm, answered},
};
use crate::error::{Error, Result};

/// A call of an event.
#[derive(Debug)]
pub(crate) struct EventCall<'a> {
    /// The service of the app, with the hash of the event as a header if it is known.
    service: Service,
    name: &'a str,
    /// The worker to use, if it is to be the same for several calls.
    tag: Option<&'a str>,
    /// The schema of the app; an empty one if it has none.
    schema: &'a AppSchema,
    event: Option<Cow<'a, EventSchema>>,
}

impl<'a> EventCall<'a> {
    /// Returns a call of an event. `schema` is that of the app, if it is known.
    ///
    /// # Errors
    /// The app has no such event, or it is an HTTP request.
    pub(crate) fn new(
        service: &Service,
        name: &'a str,
        schema: Option<&'a AppSchema>,
        tag: Option<&'a str>,
    ) -> Result<Self> {
        static NONE: AppSchema = EMPTY;
        let app = service.name();
        let event = schema.and_then(|schema| schema.events.get(name)).map(Cow::Borrowed);
        let kind = event.as_ref().map(|event| event.kind).or(schema.and_then(|schema| schema.fallback));
        match (schema, kind) {
            (Some(schema), None) => {
                let known: Vec<_> = schema.events.keys().take(100).map(String::as_str).collect();
                return Err(Error::NotFound(format!(
                    "`{app}` has no event `{name}`; it has {}",
                    known.join(", ")
                )));
            }
            (_, Some(EventKind::Http)) => {
                return Err(Error::Usage(format!(
                    "the event `{name}` of `{app}` is an HTTP request: ask the gateway, as in `curl http://HOST:PORT/{app}/{name}/`"
                )));
            }
            _ => {}
        }
        let schema = schema.unwrap_or(&NONE);
        let service = match event.as_ref().and_then(|_| schema.event_hash(name)) {
            Some(hash) => service.with_header(HASH_HEADER, hash_text(hash).into_bytes()),
            None => service.clone(),
        };
        Ok(Self { service, name, tag, schema, event })
    }

    /// Calls the event, and prints what it answers.
    ///
    /// # Errors
    /// The app's own, arguments that do not fit the schema, and answers that do not.
    pub(crate) async fn run(
        &self,
        arguments: &[Argument],
        input: Option<(Input, InputForm)>,
        printer: AnswerPrinter,
    ) -> Result<()> {
        let chunks = self.chunks(arguments)?;
        let Duplex { tx, rx } = self.open().await.map_err(|error| self.failure(error))?;
        let (sent, received) = tokio::join!(self.send(tx, chunks, input), self.receive(rx, printer));
        answered(received, sent)
    }

    /// Opens the two streams of a call.
    pub(crate) async fn open(&self) -> cocaine::Result<Duplex<Sender<Bytes>, Receiver<Bytes>>> {
        match self.tag {
            Some(tag) => self.service.open("enqueue", (self.name, tag)).await,
            None => self.service.open("enqueue", (self.name,)).await,
        }
    }

    /// Returns the chunks of the arguments.
    ///
    /// # Errors
    /// They do not fit the schema.
    pub(crate) fn chunks(&self, arguments: &[Argument]) -> Result<Vec<Bytes>> {
        match &self.event {
            Some(event) => {
                let params = event_params(arguments, event, &self.schema.types)?;
                encode_params(self.schema, self.name, event, Some(&params))
                    .map_err(|error| Error::Usage(error.to_string()))
            }
            None => self.untyped_chunks(arguments),
        }
    }

    /// Returns the chunks for an event of which nothing is known: bytes as they are, one value, or an array of several.
    fn untyped_chunks(&self, arguments: &[Argument]) -> Result<Vec<Bytes>> {
        if let Some(name) = arguments.iter().find_map(|argument| argument.name.as_ref()) {
            return Err(Error::Usage(format!(
                "--{name}: `{}` has no schema for `{}`, so that arguments have no names; give them in their order",
                self.service.name(),
                self.name
            )));
        }
        if let [only] = arguments
            && let Some(bytes) = only.bytes()
        {
            return Ok(vec![bytes.clone()]);
        }
        if arguments.is_empty() {
            return Ok(Vec::new());
        }
        let arity = vec![ArgumentSchema { name: "argument".into(), ty: Type::Any }; arguments.len()];
        let event = EventSchema { arguments: arity, ..EventSchema::default() };
        let values = arguments.iter().map(Argument::value).collect::<Result<Vec<_>>>()?;
        let values = values.iter().map(cocaine::json::write_forms).collect();
        encode_params(self.schema, self.name, &event, Some(&Value::Array(values)))
            .map_err(|error| Error::Usage(error.to_string()))
    }

    async fn send(
        &self,
        mut tx: Sender<Bytes>,
        chunks: Vec<Bytes>,
        input: Option<(Input, InputForm)>,
    ) -> Result<()> {
        for chunk in chunks {
            tx.send(chunk).await.map_err(|error| self.failure(error))?;
        }
        if let Some((mut input, form)) = input {
            loop {
                let chunk = match form {
                    InputForm::Bytes => input.next_bytes().await?,
                    InputForm::Lines => self.next_item(&mut input).await?,
                };
                let Some(chunk) = chunk else { break };
                tx.send(chunk).await.map_err(|error| self.failure(error))?;
            }
        }
        tx.finish().map_err(|error| self.failure(error))
    }

    /// Returns the chunk of the next line.
    async fn next_item(&self, input: &mut Input) -> Result<Option<Bytes>> {
        let Some(line) = input.next_line().await? else { return Ok(None) };
        let ty = self.event.as_ref().and_then(|event| event.input.as_ref()).unwrap_or(&Type::Any);
        let failed = |reason: String| Error::Usage(format!("{}: the line {line:?}: {reason}", self.name));
        let value = match ty {
            Type::Bytes => return Ok(Some(line.into_bytes().into())),
            Type::Text => line.as_str().into(),
            _ => json(&line).unwrap_or_else(|| line.as_str().into()),
        };
        let converted = Conversion::new(self.schema, ConversionDirection::ToPayload).convert(ty, &value);
        let converted = converted.map_err(|misfit| failed(misfit.to_string()))?;
        let chunk = msgpack::to_vec(&converted).map_err(|error| failed(error.to_string()))?;
        Ok(Some(chunk.into()))
    }

    async fn receive(&self, mut rx: Receiver<Bytes>, printer: AnswerPrinter) -> Result<()> {
        let output = self.event.as_ref().map_or(&EventOutput::Stream(Type::Opaque), |event| &event.output);
        // Of an untyped event it is not known whether it answers once.
        let is_stream = self.event.is_some() && matches!(output, EventOutput::Stream(_));
        let printer = AnswerPrinter { is_stream, ..printer };
        let mut conversion = Conversion::new(self.schema, ConversionDirection::ToJson);
        let mut count = 0_u64;
        while let Some(chunk) = rx.recv().await {
            let chunk = chunk.map_err(|error| self.failure(error))?;
            printer.print(&self.answer(&mut conversion, output.ty(), chunk)?)?;
            count += 1;
        }
        match output {
            EventOutput::Reply(ty) if count == 0 && *ty != Type::Unit => {
                Err(Error::Failed(format!("{}.{} has ended without a reply", self.service.name(), self.name)))
            }
            _ => Ok(()),
        }
    }

    fn answer<'s>(&'s self, conversion: &mut Conversion<'s>, ty: &'s Type, chunk: Bytes) -> Result<Answer> {
        if *ty == Type::Bytes {
            return Ok(Answer::new(Value::Raw(chunk)));
        }
        let value: Value = match msgpack::from_slice(&chunk) {
            Ok(value) if self.event.is_some() || is_deliberate(&chunk) => value,
            Err(error) if self.event.is_some() && *ty != Type::Opaque => return Err(self.misfit(&error)),
            _ => return Ok(Answer::new(Value::Raw(chunk))),
        };
        if self.event.is_none() {
            return Ok(Answer::untyped(value, chunk));
        }
        let converted = conversion.convert(ty, &value).map_err(|misfit| self.misfit(&misfit))?;
        Ok(Answer::typed(converted, chunk))
    }

    fn misfit(&self, reason: &dyn std::fmt::Display) -> Error {
        Error::Failed(format!(
            "the answer of {}.{} does not fit the schema in the manifest: {reason}; `--no-schema` prints it all the same",
            self.service.name(),
            self.name
        ))
    }

    /// Returns the error of a call, with the name that the app declares for it.
    fn failure(&self, error: cocaine::Error) -> Error {
        let event = format!("{}.{}", self.service.name(), self.name);
        let what = match self.error_name(&error) {
            Some(name) => format!("{event}: {name}"),
            None => event,
        };
        Error::while_doing(what)(error)
    }

    /// Returns the name that the app declares for an error.
    pub(crate) fn error_name(&self, error: &cocaine::Error) -> Option<&str> {
        let definition = self.schema.errors.get(self.event.as_ref()?.error.as_ref()?)?;
        let code = error.code()?;
        let mut variants = definition.variants.iter();
        let variant =
            variants.find(|variant| (variant.category, variant.code) == (code.category.0, code.code));
        variant.map(|variant| variant.name.as_str())
    }
}

/// The schema of an app that has none.
const EMPTY: AppSchema = AppSchema {
    version: cocaine::schema::SCHEMA_VERSION,
    events: std::collections::BTreeMap::new(),
    fallback: None,
    errors: std::collections::BTreeMap::new(),
    types: std::collections::BTreeMap::new(),
};

/// Returns whether a chunk is meant as a value. A text of one letter is the encoding of a small number, too.
fn is_deliberate(chunk: &Bytes) -> bool {
    !matches!(chunk.as_ref(), [letter] if (b' '..0x7f).contains(letter))
}
