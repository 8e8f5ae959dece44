//! What a node passes to a worker: arguments and environment (`worker.md` 1).

use std::{ffi::OsString, path::PathBuf};

use crate::protocol::error::{Error, Result};

/// What a node says to the worker that it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandLine {
    pub(super) app: String,
    pub(super) endpoint: PathBuf,
    pub(super) uuid: String,
    /// `address:port`, several of them with commas between.
    pub(super) locators: String,
}

/// Proves to services which app calls; nodes with an authentication set it (`worker.md` 1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppToken {
    /// What kind of token it is, such as `TVM`.
    pub kind: String,
    /// The token itself.
    pub body: String,
}

/// The only version of the protocol between node and worker that this crate speaks.
const PROTOCOL: &str = "1";

impl CommandLine {
    /// Reads the arguments after the program's name: `--key value` or `--key=value`; those that are not known are
    /// passed over.
    pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut found: [Option<OsString>; 5] = Default::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let Some((place, inline)) = known(&arg) else { continue };
            let value = inline.or_else(|| args.next());
            found[place] = Some(value.ok_or_else(|| refused(KEYS[place], "has no value"))?);
        }
        let [app, endpoint, uuid, locators, protocol] = found;
        if let Some(other) = protocol.filter(|version| version != PROTOCOL) {
            let text = format!("is {}; this crate speaks version 1", other.display());
            return Err(refused("--protocol", &text));
        }
        Ok(Self {
            app: text("--app", app)?,
            endpoint: present("--endpoint", endpoint)?.into(),
            uuid: text("--uuid", uuid)?,
            locators: text("--locator", locators)?,
        })
    }
}

const KEYS: [&str; 5] = ["--app", "--endpoint", "--uuid", "--locator", "--protocol"];

/// Returns which key an argument is, and the value that it carries itself.
fn known(arg: &OsString) -> Option<(usize, Option<OsString>)> {
    let arg = arg.to_str()?;
    let (key, value) = arg.split_once('=').map_or((arg, None), |(key, value)| (key, Some(value.into())));
    KEYS.iter().position(|known| *known == key).map(|place| (place, value))
}

fn present(key: &str, value: Option<OsString>) -> Result<OsString> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| refused(key, "is missing"))
}

fn text(key: &str, value: Option<OsString>) -> Result<String> {
    present(key, value)?.into_string().map_err(|_| refused(key, "is not UTF-8"))
}

fn refused(key: &str, problem: &str) -> Error {
    Error::config(format!(
        "{key} {problem}. A worker is started by a Cocaine node, which passes --app NAME --endpoint SOCKET \
         --locator ADDRESS:PORT --protocol 1 --uuid UUID: upload this program as an app, start the app and call it"
    ))
}

impl AppToken {
    /// Returns the token that the environment holds, if there is one.
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
    fn the_recorded_arguments_are_read() {
        let expected = CommandLine {
            app: "flow".into(),
            endpoint: "/var/lib/cocaine/run/flow.4122".into(),
            uuid: "1d5739ab-2375-4d32-b211-d6ef03c0dd3d".into(),
            locators: "127.0.0.1:10053".into(),
        };
        assert_eq!(parse(RECORDED).unwrap(), expected);
        assert_eq!(
            parse(&RECORDED.replace(" /", "=/").replace(" 1 ", " 1 --no-such x -v ")).unwrap(),
            expected
        );
        assert_eq!(parse(&RECORDED.replace("--protocol 1 ", "")).unwrap(), expected, "as from older nodes");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_together_with_who_passes_it() {
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
    fn a_token_needs_a_type() {
        let env = |set: &'static [(&str, &str)]| {
            move |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let both = [("COCAINE_APP_TOKEN_TYPE", "TVM"), ("COCAINE_APP_TOKEN_BODY", "ticket")];
        let token = AppToken::from_env(env(Box::leak(Box::new(both)))).unwrap();
        assert_eq!(token, AppToken { kind: "TVM".into(), body: "ticket".into() });
        assert_eq!(AppToken::from_env(env(&[("COCAINE_APP_TOKEN_BODY", "ticket")])), None);
    }
}
