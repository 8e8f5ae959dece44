//! The configuration as documentation: `docs/configuration.md`, and a file that has every key.

#[cfg(test)]
mod tests;

use std::fmt::Write;

use serde::Serialize;

use super::{
    error::ConfigError,
    gateway::GatewayConfig,
    node::NodeConfig,
    setting::{Setting, SettingKey, SettingKind},
};

impl NodeConfig {
    /// Returns a configuration file that sets what this configuration sets, and has all other keys as comments with their
    /// defaults.
    ///
    /// # Errors
    /// A path that is not UTF-8, which TOML cannot express.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        to_toml(self)
    }
}

impl GatewayConfig {
    /// Returns a configuration file, as [`NodeConfig::to_toml`].
    ///
    /// # Errors
    /// A path that is not UTF-8, which TOML cannot express.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        to_toml(self)
    }
}

impl SettingKind {
    /// Returns the keys of a section.
    pub(crate) fn keys(self) -> &'static [SettingKey] {
        match self {
            Self::Section(keys) | Self::OptionalSection(keys) => keys,
            Self::Value(_) | Self::Table(_) => &[],
        }
    }
}

impl SettingKey {
    /// Returns the default, or else the example.
    fn sample(&self) -> &'static str {
        if self.default.is_empty() { self.example } else { self.default }
    }

    /// Returns the text in one line.
    fn text_line(&self) -> String {
        self.text.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }

    /// Returns the type with the unit.
    fn type_text(&self) -> String {
        match (self.kind, self.unit) {
            (SettingKind::Value(name), "") => name.to_owned(),
            (SettingKind::Value(name), unit) => format!("{name} of {unit}"),
            (SettingKind::Table(name), "") => format!("table; {name}"),
            (SettingKind::Table(name), unit) => format!("table; {name} of {unit}"),
            (SettingKind::Section(_) | SettingKind::OptionalSection(_), _) => "section".to_owned(),
        }
    }

    /// Returns the option and the environment variable that take precedence.
    fn override_text(&self) -> String {
        let names = [self.option, self.variable].into_iter().filter(|name| !name.is_empty());
        names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }
}

fn to_toml<S: Setting + Serialize>(config: &S) -> Result<String, ConfigError> {
    let set = toml::Table::try_from(config)
        .map_err(|error| ConfigError::Value(format!("TOML cannot express the configuration: {error}")))?;
    let mut file = TomlFile::default();
    file.values("", S::KIND.keys(), Some(&set));
    Ok(file.0)
}

/// A configuration file as it is written. The lines of text begin with a hash and a blank, and settings that are comments
/// with a hash alone.
#[derive(Default)]
struct TomlFile(String);

impl TomlFile {
    /// Writes the keys of the section at `path`, of which `set` are set. Without `set` the whole section is a comment.
    fn values(&mut self, path: &str, keys: &[SettingKey], set: Option<&toml::Table>) {
        for key in keys.iter().filter(|key| matches!(key.kind, SettingKind::Value(_))) {
            self.text(key);
            match set.and_then(|set| set.get(key.name)) {
                Some(value) => self.line(&format!("{} = {value}", key.name)),
                None => self.comment(&format!("{} = {}", key.name, key.sample())),
            }
        }
        for key in keys {
            let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            let value = set.and_then(|set| set.get(key.name)).and_then(toml::Value::as_table);
            match key.kind {
                SettingKind::Value(_) => {}
                SettingKind::Table(_) => self.table(&path, key, value),
                SettingKind::Section(keys) | SettingKind::OptionalSection(keys) => {
                    self.text(key);
                    let header = format!("[{path}]");
                    if value.is_some() {
                        self.line(&header);
                    } else {
                        self.comment(&header);
                    }
                    self.values(&path, keys, value);
                }
            }
        }
    }

    fn table(&mut self, path: &str, key: &SettingKey, set: Option<&toml::Table>) {
        self.text(key);
        if let Some(set) = set.filter(|set| !set.is_empty() || !key.default.is_empty()) {
            self.line(&format!("[{path}]"));
            for (name, value) in set {
                self.line(&format!("{} = {value}", quote(name)));
            }
        } else {
            self.comment(&format!("[{path}]"));
            key.sample().lines().for_each(|line| self.comment(line));
        }
    }

    /// Writes the text of a key, and what is known about its value.
    fn text(&mut self, key: &SettingKey) {
        if !self.0.is_empty() {
            self.line("");
        }
        for line in key.text {
            self.line(&format!("# {}", line.trim()));
        }
        let mut facts = vec![key.type_text().replace('`', "")];
        if !key.default.is_empty() {
            facts.push(format!("default: {}", key.default));
        } else if !key.unset.is_empty() {
            facts.push(format!("without it: {}", key.unset.replace('`', "")));
        }
        facts.extend((!key.option.is_empty()).then(|| format!("option: {}", key.option)));
        if key.kind.keys().is_empty() {
            self.line(&format!("# ({})", facts.join("; ")));
        }
    }

    fn comment(&mut self, line: &str) {
        self.line(&format!("#{line}"));
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

/// Returns a key of a table as TOML.
fn quote(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(is_bare) {
        return key.to_owned();
    }
    // The escapes of JSON are escapes of TOML, which has one more.
    serde_json::Value::from(key).to_string().replace('\u{7f}', "\\u007f")
}

const INTRODUCTION: &str = "\
# The configuration

This page is rendered from the code (`cocaine-node/src/config/`), and a test compares them.

`cocaine-node --config FILE` reads a file in TOML, or an original runtime's in JSON ([node.md](node.md#108-moving-from-an-original-runtime)). Every key may be missing. Unknown keys and wrong types are errors that name the
file and the line. `cocaine-node --print-config` prints a file with every key, which can be saved and used as it is: what the given
file and options set, and the rest as comments with the defaults. `--check-config` checks the file and the options, and starts
nothing.

An option of the command line takes precedence over the file; an environment variable does unless there is the option. Where the
column SIGHUP has a text, the signal applies a change of the file; all other changes take effect at the next start
([node.md](node.md#103-sighup)).

";

/// Returns `docs/configuration.md`.
#[cfg_attr(not(test), expect(dead_code, reason = "a test writes and checks the file"))]
fn markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("## The node\n\nThe keys outside of sections:\n\n");
    section(&mut page, "", NodeConfig::KIND.keys());
    page.push_str("## The gateway alone\n\n");
    page.push_str("`cocaine-node gateway --config FILE` has the sections `[http]` and `[log]` of the node, and these keys:\n\n");
    key_table(&mut page, GatewayConfig::KIND.keys());
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// Appends a table of the keys of a section, and then its sections.
fn section(page: &mut String, path: &str, keys: &[SettingKey]) {
    key_table(page, keys);
    for key in keys.iter().filter(|key| !key.kind.keys().is_empty()) {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        let _ = write!(page, "### `[{path}]`\n\n{}\n\n", key.text_line());
        section(page, &path, key.kind.keys());
    }
}

fn key_table(page: &mut String, keys: &[SettingKey]) {
    page.push_str("| key | what it is | type | default | option | SIGHUP |\n|---|---|---|---|---|---|\n");
    for key in keys.iter().filter(|key| key.kind.keys().is_empty()) {
        let default = match key.default {
            "" => key.unset.to_owned(),
            default => format!("`{default}`"),
        };
        let columns = [
            format!("`{}`", key.name),
            key.text_line(),
            key.type_text(),
            default,
            key.override_text(),
            key.reload.to_owned(),
        ];
        let columns = columns.map(|column| column.replace('|', "\\|").replace('\n', "`, `"));
        let _ = writeln!(page, "| {} |", columns.join(" | "));
    }
    page.push('\n');
}

/// Returns a configuration that sets every key to its documented default.
#[cfg(test)]
pub(crate) fn documented_defaults<S: Setting + serde::de::DeserializeOwned>() -> S {
    toml::from_str(&default_text("", S::KIND.keys())).unwrap()
}

#[cfg(test)]
fn default_text(path: &str, keys: &[SettingKey]) -> String {
    let mut text = String::new();
    let has_default = |key: &&SettingKey| !key.default.is_empty();
    for key in keys.iter().filter(has_default).filter(|key| matches!(key.kind, SettingKind::Value(_))) {
        let _ = writeln!(text, "{} = {}", key.name, key.default);
    }
    for key in keys {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        match key.kind {
            SettingKind::Value(_) => {}
            SettingKind::Table(_) => {
                let _ = write!(text, "[{path}]\n{}\n", key.default);
            }
            SettingKind::Section(keys) | SettingKind::OptionalSection(keys) => {
                let _ = write!(text, "[{path}]\n{}", default_text(&path, keys));
            }
        }
    }
    text
}
