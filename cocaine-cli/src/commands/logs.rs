//! `cocaine logs`.

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;
use cocaine::Severity;

use crate::{
    completion,
    environment::Environment,
    error::{ExitStatus, Result},
    log_lines::LineRow,
    log_stream::{LogEvent, LogFilter},
};

/// Shows what apps print and what is logged
///
/// Examples:
///
///   cocaine logs shop
///
///   cocaine logs -f --level warning
///
///   cocaine logs -f --lines 0 --output jsonl shop statistics
///
/// Those are lines that the node still has, and with `-f` those that come, until Ctrl-C. A node that is restarted is followed
/// again. Lines that were lost meanwhile, or because this program was too slow, are counted on standard error. An original node
/// has no such stream: see its log file, and `cocaine app show NAME` for crashes.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Logs {
    /// The apps; everything if none is named
    #[arg(value_name = "APP", add = ArgValueCandidates::new(completion::apps))]
    apps: Vec<String>,
    /// Show what has this source, or a source below it; may be given several times
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Go on with the lines that come
    #[arg(long, short)]
    follow: bool,
    /// Begin with this many of the lines before
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
    lines: u64,
    /// Leave out what is less severe; what apps print is `info`
    #[arg(long, value_enum, default_value_t)]
    level: Level,
    /// Show only lines with this text in them
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
}

/// How severe a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Level {
    #[default]
    Debug,
    Info,
    Warning,
    Error,
}

impl Level {
    fn severity(self) -> Severity {
        match self {
            Self::Debug => Severity::Debug,
            Self::Info => Severity::Info,
            Self::Warning => Severity::Warning,
            Self::Error => Severity::Error,
        }
    }
}

pub(super) async fn logs(args: &Logs, environment: &Environment) -> Result<ExitStatus> {
    let cloud = environment.cloud()?;
    let apps = args.apps.iter().map(|app| format!("app/{app}"));
    let sources = apps.chain(args.source.iter().cloned()).collect();
    let filter = LogFilter { sources, severity: args.level.severity() };
    let print = |event: LogEvent<'_>| print(args, environment, &event);
    if args.follow {
        filter.follow(&cloud, args.lines, print).await?;
    } else {
        filter.read_recent(&cloud, args.lines, print).await?;
    }
    Ok(ExitStatus::Done)
}

fn print(args: &Logs, environment: &Environment, event: &LogEvent<'_>) -> Result<()> {
    let LogEvent::Line(line) = event else {
        environment.output.note(event);
        return Ok(());
    };
    let row = LineRow::from_stream(line);
    let is_wanted = args.grep.as_ref().is_none_or(|text| row.message.contains(text));
    if is_wanted { environment.output.row(&row) } else { Ok(()) }
}
