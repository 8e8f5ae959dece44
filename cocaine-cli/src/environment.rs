//! What all commands share: the cloud, and where results go.

use std::{env, time::Duration};

use clap::Args;
use clap_complete::{ArgValueCandidates, CompletionCandidate};
use cocaine::{Client, ServiceClient};

use crate::{
    contexts::{Context, Contexts},
    error::{Error, Result},
    output::{Format, Output, Progress},
};

/// The locator of a node on this machine.
const DEFAULT_LOCATOR: &str = "localhost:10053";
/// The header with the token of whoever calls.
const AUTHORIZATION: &str = "authorization";

/// The options of all commands.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct GlobalOptions {
    /// Ask these locators, in this order, separated by commas [env: `COCAINE_LOCATOR`] [default: that of the context, or localhost:10053]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    locator: Option<String>,
    /// The named cloud to use, in place of the selected one [env: `COCAINE_CONTEXT`]
    #[arg(long, global = true, value_name = "NAME", add = ArgValueCandidates::new(context_names))]
    context: Option<String>,
    /// How many seconds each call of the cloud may take
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// How results are printed
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
}

/// What names the cloud. A locator is used alone, so that the token of a context goes to no other cloud.
#[derive(Debug, PartialEq)]
enum CloudChoice {
    Locator(String),
    Context(String),
    /// The selected context, or the node on this machine.
    Selected,
}

/// What a command works with.
#[derive(Clone, Debug)]
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
        let locator = &context.locator;
        let mut builder = Client::builder(locator)
            .map_err(|error| Error::Usage(format!("the locator {locator:?}: {error}")))?;
        if let Some(token) = &context.token {
            builder = builder.header(AUTHORIZATION, token.read()?);
        }
        if let Some(timeout) = self.timeout_in(&context)? {
            builder = builder.deadline(timeout);
        }
        Ok(builder.build())
    }

    /// Returns whether an option, a variable or a selected context names the cloud.
    pub(crate) fn names_cloud(&self) -> Result<bool> {
        Ok(match self.options.choice(|name| env::var(name).ok())? {
            CloudChoice::Locator(_) | CloudChoice::Context(_) => true,
            // Without a home folder there are no contexts.
            CloudChoice::Selected => match Contexts::open() {
                Ok(contexts) => contexts.read_selected()?.is_some(),
                Err(_) => false,
            },
        })
    }

    /// Returns the environment with the cloud of this locator.
    pub(crate) fn with_locator(&self, locator: &str) -> Self {
        let options =
            GlobalOptions { locator: Some(locator.to_owned()), context: None, ..self.options.clone() };
        Self { options, output: self.output }
    }

    /// Returns the addresses of the locators, in the order in which they are asked.
    pub(crate) fn locators(&self) -> Result<Vec<String>> {
        let context = self.context()?;
        Ok(context.locator.split(',').map(|address| address.trim().to_owned()).collect())
    }

    /// Returns the token that goes with each call, if the context has one.
    pub(crate) fn token(&self) -> Result<Option<String>> {
        self.context()?.token.map(|source| source.read()).transpose()
    }

    /// Connects to a service under its usual name. What takes longer is shown.
    pub(crate) async fn service<S: ServiceClient>(&self, cloud: &Client) -> Result<S> {
        let what = format!("the service `{}` cannot be reached", S::SPEC.name);
        let _progress = Progress::start(format!("connecting to `{}`", S::SPEC.name));
        cloud.service().await.map_err(Error::while_doing(what))
    }

    /// Returns how long a call may take: what the options or the context say, or `default`.
    pub(crate) fn timeout_or(&self, default: Duration) -> Result<Duration> {
        Ok(self.timeout_in(&self.context()?)?.unwrap_or(default))
    }

    fn timeout_in(&self, context: &Context) -> Result<Option<Duration>> {
        self.options.timeout.map_or_else(|| context.timeout(), |timeout| Ok(Some(timeout)))
    }

    /// Returns the cloud that is to be used.
    fn context(&self) -> Result<Context> {
        let only = |locator: String| Context { locator, token: None, timeout: None };
        match self.options.choice(|name| env::var(name).ok())? {
            CloudChoice::Locator(locator) => Ok(only(locator)),
            CloudChoice::Context(name) => Contexts::open()?.read(&name),
            CloudChoice::Selected => {
                // Without a home folder there are no contexts.
                let contexts = Contexts::open().ok();
                let selected = contexts.map(|contexts| contexts.read_selected()).transpose()?.flatten();
                Ok(selected.unwrap_or_else(|| only(DEFAULT_LOCATOR.to_owned())))
            }
        }
    }

    /// Returns the options that the command line has.
    pub(crate) fn options(&self) -> &GlobalOptions {
        &self.options
    }
}

impl GlobalOptions {
    /// Reads the options that name the cloud from a command line that is not complete yet.
    pub(crate) fn from_words(words: &[String]) -> Self {
        let value = |option: &str| {
            let is_value = |(word, next): (&String, Option<&String>)| match word.strip_prefix(option)? {
                "" => next.cloned(),
                rest => rest.strip_prefix('=').map(str::to_owned),
            };
            let next = words.iter().skip(1).map(Some).chain([None]);
            words.iter().zip(next).filter_map(is_value).last().filter(|value| !value.is_empty())
        };
        let (locator, context) = (value("--locator"), value("--context"));
        Self { locator, context, timeout: None, output: Format::default() }
    }

    /// Returns what names the cloud: an option before a variable of the environment, and a locator before a context.
    ///
    /// # Errors
    /// The command line names two.
    fn choice(&self, variable: impl Fn(&str) -> Option<String>) -> Result<CloudChoice> {
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        Ok(match (&self.locator, &self.context) {
            (Some(_), Some(_)) => {
                return Err(Error::Usage(
                    "`--locator` and `--context` name two clouds: give one of them".to_owned(),
                ));
            }
            (Some(locator), None) => CloudChoice::Locator(locator.clone()),
            (None, Some(name)) => CloudChoice::Context(name.clone()),
            (None, None) => variable("COCAINE_LOCATOR")
                .map(CloudChoice::Locator)
                .or_else(|| variable("COCAINE_CONTEXT").map(CloudChoice::Context))
                .unwrap_or(CloudChoice::Selected),
        })
    }
}

/// Returns the names of all contexts for a shell.
pub(crate) fn context_names() -> Vec<CompletionCandidate> {
    let names = Contexts::open().and_then(|contexts| contexts.names());
    names.unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}

/// Parses a number of seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.parse().map_err(|_| "a number of seconds is wanted, such as 5 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(options: [Option<&str>; 2], variables: [Option<&str>; 2]) -> Result<CloudChoice> {
        let [locator, context] = options.map(|value| value.map(str::to_owned));
        let options = GlobalOptions { locator, context, timeout: None, output: Format::default() };
        let [locator, context] = variables;
        options.choice(|name| if name == "COCAINE_LOCATOR" { locator } else { context }.map(str::to_owned))
    }

    #[test]
    fn option_comes_before_variable_before_selection() {
        let locator = |text: &str| CloudChoice::Locator(text.to_owned());
        let context = |text: &str| CloudChoice::Context(text.to_owned());
        let both = [Some("env:1"), Some("env")];
        for (options, variables, expected) in [
            ([Some("a:1"), None], both, locator("a:1")),
            ([None, Some("live")], both, context("live")),
            ([None, None], both, locator("env:1")),
            ([None, None], [None, Some("env")], context("env")),
            ([None, None], [Some(""), Some(" ")], CloudChoice::Selected),
            ([None, None], [None, None], CloudChoice::Selected),
        ] {
            assert_eq!(choice(options, variables).unwrap(), expected);
        }
        assert!(matches!(choice([Some("a:1"), Some("live")], [None, None]), Err(Error::Usage(_))));
    }

    #[test]
    fn unfinished_command_line_names_a_cloud() {
        for (words, locator, context) in [
            ("cocaine app --locator a:1 upload", Some("a:1"), None),
            ("cocaine --locator=a:1 --context live x", Some("a:1"), Some("live")),
            ("cocaine --locators a:1 --locator", None, None),
        ] {
            let words: Vec<_> = words.split(' ').map(str::to_owned).collect();
            let options = GlobalOptions::from_words(&words);
            assert_eq!(
                (options.locator.as_deref(), options.context.as_deref()),
                (locator, context),
                "{words:?}"
            );
        }
    }
}
