//! `cocaine top`.

mod full_screen;

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use clap::Args;
use tokio::time::{MissedTickBehavior, interval};

use super::interruption::until_interrupted;
use crate::{
    environment::{Environment, seconds},
    error::{ExitStatus, Result},
    monitor::{AppScreen, Sample, Sampler, SortKey},
    output::Format,
};

/// How long a call of the node may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Shows what apps do, again and again
///
/// Examples:
///
///   cocaine top
///
///   cocaine top --sort rate --interval 5
///
///   cocaine top -n 1 --output json
///
///   cocaine top -n 0 --output jsonl > samples.jsonl
///
/// On a terminal keys sort and select apps, and `q` ends it. A node that goes away is shown as such until it is back. Elsewhere, or with
/// `--count`, samples are printed one after the other. Rates are those between two samples; in the first one, those of the
/// last minute.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Top {
    /// Show only apps with this text in their names
    filter: Option<String>,
    /// How many seconds there are between two samples
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = pause)]
    interval: Duration,
    /// Print this many samples, 0 for one after the other until Ctrl-C [default: 1 without a terminal]
    #[arg(long, short = 'n', value_name = "COUNT")]
    count: Option<u64>,
    /// By what apps are sorted
    #[arg(long, value_name = "COLUMN", value_enum, default_value_t)]
    sort: SortKey,
}

pub(super) async fn top(args: &Top, environment: &Environment) -> Result<ExitStatus> {
    let sampler = Sampler::new(environment.cloud()?, environment.timeout_or(LIMIT)?);
    let is_table = environment.output.format() == Format::Table;
    if is_table && args.count.is_none() && io::stdout().is_terminal() && io::stdin().is_terminal() {
        let filter = args.filter.as_deref().unwrap_or_default();
        let screen = AppScreen::new(&environment.locators()?.join(","), args.sort, filter);
        return full_screen::show(sampler, screen, args.interval).await;
    }
    until_interrupted(print_samples(args, sampler, environment)).await
}

/// Prints samples. The first one that fails ends it.
async fn print_samples(args: &Top, mut sampler: Sampler, environment: &Environment) -> Result<ExitStatus> {
    let count = args.count.unwrap_or(1);
    let mut ticks = interval(args.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut printed = 0;
    loop {
        ticks.tick().await;
        let mut sample = sampler.sample().await?;
        if let Some(filter) = &args.filter {
            sample.apps.retain(|app| app.name.contains(filter));
        }
        args.sort.sort(&mut sample.apps, false);
        if printed > 0 && environment.output.format() == Format::Table {
            environment.output.line("")?;
        }
        print(&sample, environment)?;
        printed += 1;
        if printed == count {
            return Ok(ExitStatus::Done);
        }
    }
}

fn print(sample: &Sample, environment: &Environment) -> Result<()> {
    match environment.output.format() {
        Format::Json => environment.output.json(sample),
        Format::Jsonl => environment.output.json_line(sample),
        Format::Table if sample.apps.is_empty() => {
            environment.output.note("the node has none of these apps");
            Ok(())
        }
        Format::Table | Format::Plain => environment.output.rows(&sample.apps),
    }
}

/// Parses the time between two samples. None at all would only load the node.
fn pause(text: &str) -> Result<Duration, String> {
    let pause = seconds(text)?;
    if pause < Duration::from_millis(100) {
        return Err("at least 0.1 is wanted".to_owned());
    }
    Ok(pause)
}
