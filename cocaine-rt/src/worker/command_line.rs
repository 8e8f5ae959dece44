//! The arguments and the environment that a node passes to a worker (`worker.md` 1).

use std::{ffi::OsString, path::PathBuf};

use crate::protocol::error::{Error, Result};

/// The arguments of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandLine {
    pub(super) app: String,
    pub(super) endpoint: PathBuf,
    pub(super) uuid: String,
    /// One or more `address:port`, separated by commas.
    pub(super) locators: String,
    /// The credit that the node offers for each channel to a worker in its own process, which has no environment of its own.
    pub(super) credit: Option<u64>,
    /// Whether the schema of the app is asked for. All others may be missing then.
    pub(super) describe: bool,
}

/// Proves to services which app is calling. Nodes with authentication pass it (`worker.md` 1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppToken {
    /// The kind of the token, such as `TVM`.
    pub kind: String,
    /// The token itself.
    pub body: String,
}

/// The only version of the protocol between node and worker that this crate speaks.
const PROTOCOL: &str = "1";

impl CommandLine {
    /// Parses the arguments after the program's name: `--key value` or `--key=value`, and `--describe`. Unknown ones are ignored.
    pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut found: [Option<OsString>; 6] = Default::default();
        let mut args = args.into_iter();
        let mut describe = false;
        while let Some(arg) = args.next() {
            describe |= arg == DESCRIBE;
            let Some((index, inline)) = split_argument(&arg) else { continue };
            let value = inline.or_else(|| args.next());
            found[index] = Some(value.ok_or_else(|| config_error(KEYS[index], "has no value"))?);
        }
        let [app, endpoint, uuid, locators, protocol, credit] = found;
        if let Some(other) = protocol.filter(|version| version != PROTOCOL) {
            let text = format!("is {}; this crate speaks version 1", other.display());
            return Err(config_error("--protocol", &text));
        }
        let require = |key, value: Option<OsString>| match value.filter(|value| !value.is_empty()) {
            Some(value) => Ok(value),
            None if describe => Ok(OsString::new()),
            None => Err(config_error(key, "is missing")),
        };
        let locators = locators.or_else(|| describe.then(|| NO_LOCATOR.into()));
        Ok(Self {
            app: text("--app", require("--app", app)?)?,
            endpoint: require("--endpoint", endpoint)?.into(),
            uuid: text("--uuid", require("--uuid", uuid)?)?,
            locators: text("--locator", require("--locator", locators)?)?,
            credit: credit.and_then(|credit| credit.to_str()?.parse().ok()),
            describe,
        })
    }
}

/// Asks for the schema of the app.
const DESCRIBE: &str = "--describe";

/// The locator of a worker that is started without one, to print its schema. Nobody listens there.
const NO_LOCATOR: &str = "127.0.0.1:1";

const KEYS: [&str; 6] = ["--app", "--endpoint", "--uuid", "--locator", "--protocol", "--credit"];

/// Returns the index in `KEYS` of an argument's key, and the value after its `=`.
fn split_argument(arg: &OsString) -> Option<(usize, Option<OsString>)> {
    let arg = arg.to_str()?;
    let (key, value) = arg.split_once('=').map_or((arg, None), |(key, value)| (key, Some(value.into())));
    KEYS.iter().position(|candidate| *candidate == key).map(|index| (index, value))
}

fn text(key: &str, value: OsString) -> Result<String> {
    value.into_string().map_err(|_| config_error(key, "is not UTF-8"))
}

fn config_error(key: &str, problem: &str) -> Error {
    Error::config(format!(
        "{key} {problem}. A worker is started by a Cocaine node, which passes --app NAME --endpoint SOCKET \
         --locator ADDRESS:PORT --protocol 1 --uuid UUID: upload this program as an app, start the app and call it. With \
         --describe alone it prints the schema of the app"
    ))
}

impl AppToken {
    /// Reads the token from the environment, if there is one.
    pub(super) fn from_env(env: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let kind = env("COCAINE_APP_TOKEN_TYPE").filter(|kind| !kind.is_empty())?;
        Some(Self { kind, body: env("COCAINE_APP_TOKEN_BODY").unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<CommandLine> {
        CommandLine::parse(line.split_whitespace().map(OsString::from))
    }

    fn refusal(line: &str) -> String {
        parse(line).unwrap_err().to_string()
    }

    const RECORDED: &str = "--app flow --endpoint /var/lib/cocaine/run/flow.4122 --locator 127.0.0.1:10053 \
                            --protocol 1 --uuid 1d5739ab-2375-4d32-b211-d6ef03c0dd3d";

    #[test]
    fn recorded_arguments_are_parsed() {
        let expected = CommandLine {
            app: "flow".into(),
            endpoint: "/var/lib/cocaine/run/flow.4122".into(),
            uuid: "1d5739ab-2375-4d32-b211-d6ef03c0dd3d".into(),
            locators: "127.0.0.1:10053".into(),
            credit: None,
            describe: false,
        };
        assert_eq!(parse(RECORDED).unwrap(), expected);
        assert_eq!(
            parse(&RECORDED.replace(" /", "=/").replace(" 1 ", " 1 --no-such x -v ")).unwrap(),
            expected
        );
        assert_eq!(parse(&RECORDED.replace("--protocol 1 ", "")).unwrap(), expected, "as from older nodes");
    }

    #[test]
    fn missing_or_invalid_argument_is_explained() {
        for key in ["--app", "--endpoint", "--locator", "--uuid"] {
            let refusal = refusal(&RECORDED.replace(key, "--other"));
            assert!(refusal.starts_with(&format!("{key} is missing. A worker is started by")), "{refusal}");
        }
        let version = refusal(&RECORDED.replace("--protocol 1", "--protocol 2"));
        assert!(version.starts_with("--protocol is 2; this crate speaks version 1."), "{version}");
        let cut = refusal("--app flow --uuid");
        assert!(cut.starts_with("--uuid has no value."), "{cut}");
        assert!(refusal("--app= --uuid u").starts_with("--app is missing"));
    }

    #[test]
    fn description_needs_no_other_arguments() {
        let described = parse("--describe").unwrap();
        assert!(described.describe);
        assert_eq!((described.app.as_str(), described.locators.as_str()), ("", NO_LOCATOR));
        let named = parse("--app flow --no-such x --describe").unwrap();
        assert_eq!((named.describe, named.app.as_str()), (true, "flow"));
        assert!(refusal("--app --describe").starts_with("--endpoint is missing"), "the name of an app");
    }

    #[test]
    fn token_requires_a_type() {
        let env = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let both = [("COCAINE_APP_TOKEN_TYPE", "TVM"), ("COCAINE_APP_TOKEN_BODY", "ticket")];
        let token = AppToken::from_env(env(Box::leak(Box::new(both)))).unwrap();
        assert_eq!(token, AppToken { kind: "TVM".into(), body: "ticket".into() });
        assert_eq!(AppToken::from_env(env(&[("COCAINE_APP_TOKEN_BODY", "ticket")])), None);
    }
}
