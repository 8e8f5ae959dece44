//! `cocaine bench`.

use std::{cell::RefCell, future::Future, pin::pin, time::Duration};

use clap::{Args, Command, FromArgMatches as _};
use cocaine::{
    Service,
    graph::{CallKind, Method},
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    callee::{Callee, Operation},
    interruption::unless_interrupted,
};
use crate::{
    call::{arguments::parse, event::EventCall, method::positional_args},
    environment::{Environment, seconds},
    error::{Error, ExitStatus, Result},
    load::{
        self,
        repeated::RepeatedCall,
        report::{LoadSettings, Report},
        schedule::{End, Schedule},
        tally::Tally,
    },
    output::{Format, Output},
};

const DEFAULT_IN_FLIGHT: u16 = 16;
const DEFAULT_TIME: Duration = Duration::from_secs(10);
const DEFAULT_WARM_UP: Duration = Duration::from_secs(1);
/// The deadline of a call unless the options or the context have one: that of the client.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
const PROGRESS_PERIOD: Duration = Duration::from_secs(1);

/// Makes the same call again and again, and says how fast it is
///
/// Examples:
///
///   cocaine bench -c 64 -d 10 storage read manifests shop
///
///   cocaine bench -n 10000 shop price --item 7
///
///   cocaine bench --rate 500 -d 60 shop price 7
///
/// A call is the whole answer of a method or event, streams included. Arguments are those of `cocaine call`. Options stand before
/// SERVICE, or after the arguments, beginning with one of -c, -d, -n. What the call does is done each time: one that writes, writes.
/// Without `--rate` each of the calls in flight begins when the one before is answered; with it calls begin at that
/// rate, whatever the service does, and their time counts from when they were to begin.
/// Ends with 1 if a call has failed. Ctrl-C ends early, and prints what was measured.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Bench {
    #[command(flatten)]
    load: LoadOptions,
    #[command(flatten)]
    callee: Callee,
}

/// How much is called.
#[derive(Debug, Args)]
pub(super) struct LoadOptions {
    /// How many calls are in flight at most [default: 16]
    #[arg(short = 'c', long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: Option<u16>,
    /// How many connections they share [default: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    connections: Option<u16>,
    /// For how many seconds calls are made [default: 10]
    #[arg(short = 'd', long, value_name = "SECONDS", value_parser = seconds, conflicts_with = "number")]
    duration: Option<Duration>,
    /// Make this number of calls
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    number: Option<u64>,
    /// Begin this many calls a second
    #[arg(long, value_name = "CALLS", value_parser = rate)]
    rate: Option<f64>,
    /// For how many seconds calls are made before those that count [default: 1, or 0 with -n]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    warm_up: Option<Duration>,
}

/// The method or event, and a service for each connection.
struct ConnectedCallee {
    services: Vec<Service>,
    operation: Operation,
}

pub(super) async fn bench(mut args: Bench, environment: &Environment) -> Result<ExitStatus> {
    args.load.extend_from(&mut args.callee.arguments)?;
    let Some(target) = unless_interrupted(connect(&args, environment)).await else {
        return Ok(ExitStatus::Interrupted);
    };
    let ConnectedCallee { services, operation } = target?;
    let deadline = environment.timeout_or(DEFAULT_DEADLINE)?;
    let arguments = parse(&args.callee.arguments)?;
    match &operation {
        Operation::Method(method) => {
            let (kind, name) = (call_kind(&args.callee, method)?, &*method.name);
            let arguments = positional_args(&args.callee.target, method, &arguments)?;
            let call = |service| match kind {
                CallKind::Streaming => RepeatedCall::streaming(service, name, &arguments, deadline),
                _ => RepeatedCall::unary(service, name, &arguments, deadline),
            };
            measure(&args, environment, &services.iter().map(call).collect::<Vec<_>>()).await
        }
        Operation::Event(schema) => {
            let Callee { method, tag, .. } = &args.callee;
            let event = |service| EventCall::new(service, method, schema.as_ref(), tag.as_deref());
            let events = services.iter().map(event).collect::<Result<Vec<_>>>()?;
            let chunks =
                events.first().map(|event| event.chunks(&arguments)).transpose()?.unwrap_or_default();
            let calls = events.iter().map(|event| RepeatedCall::event(event, &chunks, deadline));
            measure(&args, environment, &calls.collect::<Vec<_>>()).await
        }
    }
}

/// Makes all connections, each with a client of its own.
async fn connect(args: &Bench, environment: &Environment) -> Result<ConnectedCallee> {
    let cloud = environment.cloud()?;
    let mut services = vec![args.callee.connect(&cloud).await?];
    for _ in 1..args.load.connections.unwrap_or(1) {
        services.push(args.callee.connect(&environment.cloud()?).await?);
    }
    let graph = services[0].graph().await.map_err(Error::while_doing(args.callee.target.clone()))?;
    let operation = args.callee.operation(&graph, environment, &cloud).await?;
    Ok(ConnectedCallee { services, operation })
}

/// Returns whether the method answers once or with a stream.
///
/// # Errors
/// It does neither by itself, so that there is nothing to measure.
fn call_kind(callee: &Callee, method: &Method) -> Result<CallKind> {
    let name = format!("{}.{}", callee.target, method.name);
    match CallKind::of(&method.dispatch, &method.upstream) {
        CallKind::Mute => Err(Error::Usage(format!("{name} has no answer that could be measured"))),
        CallKind::Session => Err(Error::Usage(format!(
            "{name} goes on until the caller ends it, and is no call that could be repeated"
        ))),
        kind => Ok(kind),
    }
}

async fn measure(args: &Bench, environment: &Environment, calls: &[RepeatedCall<'_>]) -> Result<ExitStatus> {
    let load = &args.load;
    let in_flight = usize::from(load.concurrency.unwrap_or(DEFAULT_IN_FLIGHT));
    let prepared = unless_interrupted(async {
        // A mistake is found by the first call; there is nothing to measure then.
        let what = format!("the first call of {}.{}", args.callee.target, args.callee.method);
        calls[0].send().await.map_err(|failure| Error::while_doing(what)(failure.error))?;
        if let Some(time) = load.warm_up() {
            let warm_up = Schedule::start(End::After(time), load.rate);
            load::run(calls, in_flight, &warm_up, &RefCell::new(Tally::new(None))).await;
        }
        Ok::<_, Error>(())
    });
    let Some(prepared) = prepared.await else { return Ok(ExitStatus::Interrupted) };
    prepared?;
    let settings = LoadSettings {
        service: &args.callee.target,
        method: &args.callee.method,
        in_flight,
        connections: calls.len(),
        rate: load.rate,
    };
    let schedule = Schedule::start(load.end(), load.rate);
    let tally = RefCell::new(Tally::new(schedule.ends()));
    let report = || Report::new(settings, &tally.borrow(), schedule.measured(), schedule.unsent());
    let running = load::run(calls, in_flight, &schedule, &tally);
    let is_interrupted =
        unless_interrupted(with_progress(running, environment.output, report)).await.is_none();
    environment.output.progress(None);
    let report = report();
    print(environment.output, &report)?;
    if report.unsent > 0 {
        environment.output.note(format_args!(
            "{} calls of the rate were never begun, since {in_flight} were in flight: `-c COUNT` allows more",
            report.unsent
        ));
    }
    Ok(match report.failed {
        _ if is_interrupted => ExitStatus::Interrupted,
        0 => ExitStatus::Done,
        _ => ExitStatus::Failed,
    })
}

/// Shows once a second what has come out so far, on a terminal.
async fn with_progress(running: impl Future<Output = ()>, output: Output, report: impl Fn() -> Report) {
    let mut ticks = interval_at(Instant::now() + PROGRESS_PERIOD, PROGRESS_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = pin!(running);
    loop {
        tokio::select! {
            () = &mut running => return,
            _ = ticks.tick() => output.progress(Some(&report().progress())),
        }
    }
}

fn print(output: Output, report: &Report) -> Result<()> {
    output.record(report)?;
    if output.format() == Format::Table && !report.errors.is_empty() {
        output.line("")?;
        output.rows(&report.errors)?;
    }
    Ok(())
}

impl LoadOptions {
    /// Takes the options that stand after the arguments.
    fn extend_from(&mut self, arguments: &mut Vec<String>) -> Result<()> {
        let is_option = |word: &String| matches!(word.as_str(), "--" | "-c" | "-d" | "-n");
        if let Some(at) = arguments.iter().position(is_option).filter(|at| arguments[*at] != "--") {
            let words = arguments.split_off(at);
            let command = Self::augment_args(Command::new("cocaine bench").no_binary_name(true));
            let parsed = command.try_get_matches_from(words);
            parsed.and_then(|matches| self.update_from_arg_matches(&matches)).map_err(|error| {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                Error::Usage(format!("after the arguments: {}", line.trim_start_matches("error: ")))
            })?;
        }
        if self.duration.is_some() && self.number.is_some() {
            return Err(Error::Usage(
                "a measurement ends after a time, `-d`, or after a number of calls, `-n`".to_owned(),
            ));
        }
        Ok(())
    }

    fn end(&self) -> End {
        self.number.map_or_else(|| End::After(self.duration.unwrap_or(DEFAULT_TIME)), End::Calls)
    }

    /// Returns for how long calls are made that do not count.
    fn warm_up(&self) -> Option<Duration> {
        let default = if self.number.is_some() { Duration::ZERO } else { DEFAULT_WARM_UP };
        Some(self.warm_up.unwrap_or(default)).filter(|time| !time.is_zero())
    }
}

/// Parses a number of calls a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 =
        text.parse().map_err(|_| "a number of calls a second is wanted, such as 500".to_owned())?;
    if (0.001..=10_000_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("between 0.001 and 10 million calls a second are possible".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: Bench,
    }

    fn load(line: &str) -> Result<(LoadOptions, Vec<String>)> {
        let Bench { mut load, mut callee } = Line::try_parse_from(line.split(' ')).unwrap().bench;
        load.extend_from(&mut callee.arguments)?;
        Ok((load, callee.arguments))
    }

    #[test]
    fn options_stand_before_the_service_or_last() {
        for line in
            ["bench -c 8 -d 5 s m a --n 1", "bench s m a --n 1 -c 8 -d 5", "bench -c 9 s m a --n 1 -c 8 -d 5"]
        {
            let (load, arguments) = load(line).unwrap();
            assert_eq!((load.concurrency, load.duration), (Some(8), Some(Duration::from_secs(5))), "{line}");
            assert_eq!(arguments, ["a", "--n", "1"], "{line}");
        }
        assert_eq!(load("bench s m a -- -c").unwrap().1, ["a", "--", "-c"]);
        for (line, words) in [
            ("bench s m a -c 0", "after the arguments: invalid value '0'"),
            ("bench s m a -c 1 x", "unexpected argument 'x'"),
            ("bench -n 1 s m a -d 1", "`-d`, or after a number of calls, `-n`"),
        ] {
            let error = load(line).unwrap_err();
            assert!(matches!(&error, Error::Usage(text) if text.contains(words)), "{error}");
        }
    }

    #[test]
    fn rates_are_positive_numbers() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for text in ["0", "-1", "NaN", "inf", "1e9", "x"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
