//! Calls per second beside the floor, tarpc and tonic: one table from one run. `README.md` says how to read it.

mod app;
#[rustfmt::skip]
mod clients;
mod cores;
mod generator;
mod machine;
mod payload;
mod peer;
mod peers;
mod rows;
mod runner;
mod sampling;
mod table;
mod worker;
mod wrk;

use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use crate::cores::Cores;
use crate::peers::web::Site;
use crate::sampling::SampleOptions;

#[global_allocator]
static ALLOCATOR: counter::CountingAllocator = counter::CountingAllocator;

/// Measures calls per second beside the floor, tarpc and tonic.
#[derive(Debug, Parser)]
struct Options {
    /// Takes few and short samples, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Measures only the rows whose name contains this; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The length of one sample, in seconds.
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Serves this site for `wrk` until the standard input ends.
    #[arg(long, hide = true)]
    site: Option<Site>,
}

impl Options {
    fn effort(&self) -> Result<SampleOptions> {
        let (seconds, rounds) = if self.quick { (0.1, 3) } else { (0.5, 7) };
        let length = Duration::try_from_secs_f64(self.seconds.unwrap_or(seconds))?;
        Ok(SampleOptions { length, rounds })
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}

fn main() -> Result<()> {
    cocaine_node::helper::exec_worker_if_requested();
    if worker::is_worker() {
        return worker::run();
    }
    measure()
}

fn measure() -> Result<()> {
    let options = Options::parse();
    if let Some(site) = options.site {
        return site.serve();
    }
    let effort = options.effort()?;
    let cores = Cores::pick()?;
    let mut settings: Vec<(&str, String)> = Vec::new();
    for mut group in rows::groups() {
        group.rows.retain(|row| options.wants(row.name));
        if group.rows.is_empty() {
            continue;
        }
        eprintln!("measuring: {}", group.title);
        let numbers = sampling::measure(&group, cores, effort)?;
        println!("{}", table::group(&group, &numbers));
        for row in group.rows {
            if !settings.iter().any(|(name, _)| *name == row.name) {
                settings.push((row.name, row.settings));
            }
        }
    }
    for timing in rows::timings().iter().filter(|timing| options.wants(timing.name)) {
        println!("{}\n", table::timing(timing, sampling::time(timing, effort)?));
    }
    println!("settings");
    for (name, settings) in settings {
        println!("  {name}: {settings}");
    }
    println!("{}", sampling::describe(effort));
    println!("{}", machine::describe());
    Ok(())
}
