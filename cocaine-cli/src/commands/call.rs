//! `cocaine call`.

use std::path::PathBuf;

use clap::Args;
use cocaine::{Client, Trace};

use super::callee::{Callee, Operation};
use crate::{
    call::{
        answer::{AnswerForm, AnswerPrinter},
        arguments::parse,
        event::EventCall,
        input::{Input, InputForm},
        method::MethodCall,
    },
    environment::Environment,
    error::{Error, ExitStatus, Result},
};

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
    /// Print the id of the trace that goes with the call
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    callee: Callee,
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
    let callee = &args.callee;
    let service = callee.connect(cloud).await?;
    let graph = service.graph().await.map_err(Error::while_doing(callee.target.clone()))?;
    let printer = AnswerPrinter { output: environment.output, form: args.form, is_stream: false };
    let arguments = parse(&callee.arguments)?;
    let input = match &args.input {
        Some(path) => Some(Input::open(path).await?),
        None => None,
    };
    match callee.operation(&graph, environment, cloud).await? {
        Operation::Method(_) if args.input_as == InputForm::Bytes => {
            Err(Error::Usage("`--input-as bytes` is for events of apps".to_owned()))
        }
        Operation::Method(method) => {
            MethodCall { service: &service, method: &method, printer }.run(&arguments, input).await
        }
        Operation::Event(schema) => {
            let call = EventCall::new(&service, &callee.method, schema.as_ref(), callee.tag.as_deref())?;
            call.run(&arguments, input.map(|input| (input, args.input_as)), printer).await
        }
    }
}
