//! What all commands share: the cloud, and where results go.

use std::time::Duration;

use clap::Args;
use cocaine::{Client, ServiceClient};

use crate::{
    contexts::{Context, Contexts},
    error::{Error, Result},
    output::{Format, Output},
};

/// The locator of a node on this machine.
const DEFAULT_LOCATOR: &str = "localhost:10053";
/// The header with the token of whoever calls.
const AUTHORIZATION: &str = "authorization";

/// The options of all commands.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct GlobalOptions {
    /// Ask these locators, in this order, separated by commas [default: that of the context, or localhost:10053]
    #[arg(long, global = true, env = "COCAINE_LOCATOR", value_name = "HOST:PORT")]
    locator: Option<String>,
    /// The named cloud to use, in place of the selected one
    #[arg(long, global = true, env = "COCAINE_CONTEXT", value_name = "NAME")]
    context: Option<String>,
    /// How many seconds each call of the cloud may take
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// How results are printed
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
}

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Environment {
    options: GlobalOptions,
    pub(crate) output: Output,
}

impl Environment {
    pub(crate) fn new(options: GlobalOptions) -> Self {
        let output = Output::new(options.output);
        Self { options, output }
    }

    /// Returns the client of the cloud. It connects at the first use.
    pub(crate) fn cloud(&self) -> Result<Client> {
        let context = self.context()?;
        let locator = self.locator_in(context.as_ref());
        let mut builder = Client::builder(locator)
            .map_err(|error| Error::Usage(format!("the locator {locator:?}: {error}")))?;
        if let Some(token) = context.as_ref().and_then(|context| context.token.as_ref()) {
            builder = builder.header(AUTHORIZATION, token.read()?);
        }
        if let Some(timeout) = self.timeout_in(context.as_ref())? {
            builder = builder.deadline(timeout);
        }
        Ok(builder.build())
    }

    /// Returns the addresses of the locators, in the order in which they are asked.
    pub(crate) fn locators(&self) -> Result<Vec<String>> {
        let context = self.context()?;
        Ok(self.locator_in(context.as_ref()).split(',').map(|address| address.trim().to_owned()).collect())
    }

    /// Returns the token that goes with each call, if the context has one.
    pub(crate) fn token(&self) -> Result<Option<String>> {
        let token = self.context()?.and_then(|context| context.token);
        token.map(|source| source.read()).transpose()
    }

    fn locator_in<'a>(&'a self, context: Option<&'a Context>) -> &'a str {
        match (&self.options.locator, context) {
            (Some(locator), _) => locator,
            (None, Some(context)) => &context.locator,
            (None, None) => DEFAULT_LOCATOR,
        }
    }

    /// Connects to a service under its usual name.
    pub(crate) async fn service<S: ServiceClient>(&self, cloud: &Client) -> Result<S> {
        let what = format!("the service `{}` cannot be reached", S::SPEC.name);
        cloud.service().await.map_err(Error::while_doing(what))
    }

    /// Returns how long a call may take: what the options or the context say, or `default`.
    pub(crate) fn timeout_or(&self, default: Duration) -> Result<Duration> {
        Ok(self.timeout_in(self.context()?.as_ref())?.unwrap_or(default))
    }

    fn timeout_in(&self, context: Option<&Context>) -> Result<Option<Duration>> {
        match (self.options.timeout, context) {
            (None, Some(context)) => context.timeout(),
            (timeout, _) => Ok(timeout),
        }
    }

    /// Returns the named cloud that is to be used. A locator in the options is used alone, without the token of another cloud.
    fn context(&self) -> Result<Option<Context>> {
        match (&self.options.context, &self.options.locator) {
            (Some(name), _) => Contexts::open()?.read(name).map(Some),
            (None, Some(_)) => Ok(None),
            (None, None) => {
                let Ok(contexts) = Contexts::open() else { return Ok(None) };
                contexts.selected()?.map(|name| contexts.read(&name)).transpose()
            }
        }
    }
}

/// Parses a number of seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "a number of seconds is wanted, such as 5 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
