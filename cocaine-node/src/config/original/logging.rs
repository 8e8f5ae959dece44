//! The logs of an original: `logging` in the versions 3 and 4, `loggers` in version 2.
//!
//! An original has several logs by name. Its own one is `core` unless its command line names another, and the service
//! `logging` names its one. A node has one log.

use std::path::PathBuf;

use super::{
    document::{Element, Result, Section},
    mapping::Mapping,
    severity::LeastSeverity,
};
use crate::config::log::LogFormat;

/// The log that an original uses unless it is told otherwise.
const DEFAULT_LOG: &str = "core";

const UNUSED_LOG: &str = "is not used by the service `logging`: the node has one log";
const NO_SECOND_FILE: &str = "the node writes one log file: this one is not written";
const NO_PATTERN: &str = "the path of a log file has no placeholders: name one with `--log-file`";
const NO_FORMATTER: &str =
    "lines have a form of the node's own: text, or JSON with `--log-format json`; those of a file are JSON";
const NO_SYSLOG: &str = "lines go to the standard error stream, where the system's journal takes them up";
const NO_SINK: &str =
    "lines go to the standard error stream: have them collected there, or from the file of `--log-file`";
const NO_ROTATION: &str = "the node opens its log file again at SIGHUP: let logrotate move it away";
const NO_FILTER: &str = "is ignored: lines are filtered by severity alone";

/// Where the lines of a log go.
#[derive(Debug, Default)]
struct LogOutputs {
    terminal: bool,
    is_json: bool,
    file: Option<PathBuf>,
    /// Some output is named, be it none.
    is_set: bool,
}

/// Maps the section `logging` of version 4; `used` is the log of the service `logging`, with the least severity that it takes.
pub(super) fn map(
    mapping: &mut Mapping,
    mut section: Section<'_>,
    used: Option<&str>,
    verbosity: Option<i32>,
) -> Result<()> {
    let severity =
        section.take("severity").map(|severity| LeastSeverity::parse_strictly(&severity)).transpose()?;
    map_severity(mapping, severity, verbosity);
    let mut outputs = LogOutputs::default();
    for (name, log) in section.take_section("loggers")?.take_rest() {
        if name != used.unwrap_or(DEFAULT_LOG) {
            mapping.warn(log.path(), UNUSED_LOG);
            continue;
        }
        outputs.add_loggers(mapping, &log)?;
    }
    outputs.apply(mapping);
    mapping.finish(section);
    Ok(())
}

/// Maps the section `logging` of version 3, whose keys are the logs.
pub(super) fn map_version_3(
    mapping: &mut Mapping,
    mut section: Section<'_>,
    used: Option<&str>,
    verbosity: Option<i32>,
) -> Result<()> {
    let (mut outputs, mut severity) = (LogOutputs::default(), None);
    for (name, log) in section.take_rest() {
        if name != used.unwrap_or(DEFAULT_LOG) {
            mapping.warn(log.path(), UNUSED_LOG);
            continue;
        }
        let mut log = log.section()?;
        severity = log.take_text("verbosity")?.map(LeastSeverity::parse);
        mapping.warn_if_set(log.take("timestamp"), NO_FORMATTER);
        mapping.warn_if_set(log.take("attributes"), NO_FORMATTER);
        if let Some(loggers) = log.take("loggers") {
            outputs.add_loggers(mapping, &loggers)?;
        }
        mapping.finish(log);
    }
    map_severity(mapping, severity, verbosity);
    outputs.apply(mapping);
    Ok(())
}

/// Maps the section `loggers` of version 2, whose logs have one output each.
pub(super) fn map_version_2(
    mapping: &mut Mapping,
    mut section: Section<'_>,
    used: Option<&str>,
) -> Result<()> {
    let (mut outputs, mut severity) = (LogOutputs::default(), None);
    for (name, log) in section.take_rest() {
        if name != used.unwrap_or(DEFAULT_LOG) {
            mapping.warn(log.path(), UNUSED_LOG);
            continue;
        }
        let mut component = log.section()?;
        let kind = component.take_text("type")?.unwrap_or_default();
        let mut args = component.take_section("args")?;
        severity = args.take_text("verbosity")?.map(LeastSeverity::parse);
        outputs.add(mapping, kind, &log, &mut args)?;
        mapping.finish(args);
        mapping.finish(component);
    }
    map_severity(mapping, severity, None);
    outputs.apply(mapping);
    Ok(())
}

/// Sets the least severity of the node's own lines and of those that the service `logging` takes. The original applies that of
/// the log to both.
fn map_severity(mapping: &mut Mapping, severity: Option<LeastSeverity>, verbosity: Option<i32>) {
    let least = severity.unwrap_or_default();
    mapping.config.log.level = Some(least.level());
    mapping.config.log.verbosity = Some(least.number().max(verbosity.unwrap_or_default()));
}

impl LogOutputs {
    /// Adds the outputs of a list of loggers.
    fn add_loggers(&mut self, mapping: &mut Mapping, loggers: &Element<'_>) -> Result<()> {
        for logger in loggers.elements()? {
            let mut logger = logger.section()?;
            self.add_formatter(mapping, logger.take("formatter"))?;
            let sinks = logger.take("sinks").map(|sinks| sinks.elements()).transpose()?;
            for sink in sinks.unwrap_or_default().iter().chain(&logger.take("sink")) {
                self.add_sink(mapping, sink)?;
            }
            mapping.finish(logger);
        }
        Ok(())
    }

    fn add_formatter(&mut self, mapping: &mut Mapping, formatter: Option<Element<'_>>) -> Result<()> {
        let Some(element) = formatter else { return Ok(()) };
        if element.section()?.take_text("type")? == Some("json") {
            self.is_json = true;
        } else {
            mapping.warn(element.path(), NO_FORMATTER);
        }
        Ok(())
    }

    fn add_sink(&mut self, mapping: &mut Mapping, element: &Element<'_>) -> Result<()> {
        let mut sink = element.section()?;
        let kind = sink.take_text("type")?.unwrap_or_default();
        if let Some(inner) = sink.take("sink") {
            // A sink with a queue before it, which every log of a node has.
            return self.add_sink(mapping, &inner);
        }
        self.add(mapping, kind, element, &mut sink)?;
        mapping.warn_if_set(sink.take("rotation"), NO_ROTATION);
        mapping.warn_if_set(sink.take("filter"), NO_FILTER);
        for key in ["autoflush", "colorize", "flush", "host", "output", "port", "priorities"] {
            sink.take(key);
        }
        mapping.finish(sink);
        Ok(())
    }

    /// Adds an output of the type `kind`; `args` has its settings.
    fn add(
        &mut self,
        mapping: &mut Mapping,
        kind: &str,
        element: &Element<'_>,
        args: &mut Section<'_>,
    ) -> Result<()> {
        self.is_set = true;
        let identity = args.take("identity");
        match kind {
            "console" | "stdout" | "stream" => self.terminal = true,
            "null" => {}
            "file" | "files" => {
                if let Some(path) = args.take("path") {
                    self.add_file(mapping, &path)?;
                }
            }
            "syslog" => {
                self.terminal = true;
                mapping.warn_if_set(Some(identity.unwrap_or_else(|| element.clone())), NO_SYSLOG);
            }
            _ => {
                self.terminal = true;
                mapping.warn(element.path(), NO_SINK);
            }
        }
        Ok(())
    }

    fn add_file(&mut self, mapping: &mut Mapping, path: &Element<'_>) -> Result<()> {
        let text = path.text()?;
        if text.contains(['{', '%']) {
            self.terminal = true;
            mapping.warn(path.path(), NO_PATTERN);
        } else if self.file.is_some() {
            mapping.warn(path.path(), NO_SECOND_FILE);
        } else {
            self.file = Some(text.into());
        }
        Ok(())
    }

    fn apply(self, mapping: &mut Mapping) {
        let log = &mut mapping.config.log;
        if self.is_set {
            log.terminal = Some(self.terminal);
        }
        if self.is_json && self.terminal {
            log.format = Some(LogFormat::Json);
        }
        log.file = self.file;
    }
}
