//! `cocaine call`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::{Client, Code, Service, Trace, schema::AppSchema};
use cocaine_bindings::{Storage as _, StorageClient};

use super::arguments::methods_of_target;
use crate::{
    call::{
        answer::{AnswerForm, AnswerPrinter},
        arguments::parse,
        event::EventCall,
        input::{Input, InputForm},
        method::MethodCall,
    },
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
};

/// The method by which events are sent to an app.
const ENQUEUE: &str = "enqueue";

/// Calls a method of a service, or an event of an app
///
/// Examples:
///
///   cocaine call storage read manifests shortener
///
///   cocaine call shortener link --slug ee19ba48
///
///   cocaine call --as raw storage read icons logo.png > logo.png
///
///   cocaine call --input items.jsonl statistics sum
///
/// An argument is JSON, or a text where it is none: `text:5` is the text 5, `hex:ff00` and `@FILE` are bytes. Arguments of an
/// event that its app describes may have names. Options of this command stand before SERVICE.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Call {
    /// Send this header with the call; may be given several times
    #[arg(long, short = 'H', value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// How answers are printed
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t)]
    form: AnswerForm,
    /// Send the lines of this file after the arguments, `-` for standard input: items of the stream that an event reads, as JSON
    /// or text; or messages of a method, `NAME [ARGUMENTS]`
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Send the file so
    #[arg(long, value_name = "FORM", value_enum, default_value_t, requires = "input")]
    input_as: InputForm,
    /// Let the same worker handle all events with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Call the event of an app, even if its service has a method of this name
    #[arg(long)]
    event: bool,
    /// Do not read the schema of the app
    #[arg(long)]
    no_schema: bool,
    /// Print the id of the trace that goes with the call
    #[arg(long)]
    trace: bool,
    /// The service or app
    #[arg(value_name = "SERVICE", add = ArgValueCandidates::new(completion::services))]
    target: String,
    /// The method or event
    #[arg(value_name = "METHOD", add = ArgValueCandidates::new(methods_of_target))]
    method: String,
    /// The arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(super) async fn call(args: &Call, environment: &Environment) -> Result<ExitStatus> {
    let cloud = environment.cloud()?;
    let id = rand_id();
    if args.trace {
        environment.output.note(format_args!("trace {id:016x}"));
    }
    Trace::root(id).scope(call_traced(args, environment, &cloud)).await?;
    Ok(ExitStatus::Done)
}

/// Returns an id that no other call has.
fn rand_id() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id()).max(1)
}

async fn call_traced(args: &Call, environment: &Environment, cloud: &Client) -> Result<()> {
    let service = resolve(args, cloud).await?;
    let graph = service.graph().await.map_err(Error::while_doing(args.target.clone()))?;
    let printer = AnswerPrinter { output: environment.output, form: args.form, is_stream: false };
    let arguments = parse(&args.arguments)?;
    let input = match &args.input {
        Some(path) => Some(Input::open(path).await?),
        None => None,
    };
    match graph.method(&args.method).filter(|_| !args.event) {
        Some(method) => {
            if args.input_as == InputForm::Bytes {
                return Err(Error::Usage("`--input-as bytes` is for events of apps".to_owned()));
            }
            MethodCall { service: &service, method, printer }.run(&arguments, input).await
        }
        None if graph.method(ENQUEUE).is_some() => {
            let schema = schema(args, environment, cloud).await?;
            let call = EventCall::new(&service, &args.method, schema.as_ref(), args.tag.as_deref(), printer)?;
            call.run(&arguments, input.map(|input| (input, args.input_as))).await
        }
        None => {
            let names: Vec<_> = graph.methods().map(|method| &*method.name).collect();
            Err(Error::NotFound(format!(
                "`{}` has no method `{}`; it has {}",
                args.target,
                args.method,
                names.join(", ")
            )))
        }
    }
}

async fn resolve(args: &Call, cloud: &Client) -> Result<Service> {
    let target = &args.target;
    let service = cloud.dynamic(target).await.map_err(|error| match error.code() {
        Some(Code::SERVICE_NOT_AVAILABLE) => Error::NotFound(format!(
            "no service or app `{target}` is running: `cocaine service list` names those that are, `cocaine app start` starts an app"
        )),
        _ => Error::while_doing(format!("`{target}` cannot be reached"))(error),
    })?;
    Ok(args
        .header
        .iter()
        .fold(service, |service, (name, value)| service.with_header(name, value.clone().into_bytes())))
}

/// Returns the schema in the manifest of the app. A cloud without a storage, or one that is closed to the caller, is no reason not to
/// call.
async fn schema(args: &Call, environment: &Environment, cloud: &Client) -> Result<Option<AppSchema>> {
    if args.no_schema {
        return Ok(None);
    }
    let read = async {
        let storage: StorageClient = cloud.service().await?;
        let manifest = storage.read("manifests", &args.target).await?;
        AppSchema::from_manifest(&manifest)
    };
    match read.await {
        Ok(schema) => Ok(schema),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => {
            environment.output.note(format_args!("the schema of `{}` is not known: {error}", args.target));
            Ok(None)
        }
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is wanted".to_owned()),
    }
}
