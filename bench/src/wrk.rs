//! The HTTP load generator `wrk`, in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::peers::web::Site;

/// A process that serves a site. It ends with this one.
pub struct SiteProcess {
    url: String,
    _process: Child,
}

impl SiteProcess {
    /// Starts this program as the site.
    pub fn start(site: Site) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--site", site.argument()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let out = process.stdout.take().context("the process of the site has no output")?;
        let mut url = String::new();
        BufReader::new(out).read_line(&mut url)?;
        ensure!(!url.is_empty(), "the site did not start");
        Ok(Self { url: url.trim().to_owned(), _process: process })
    }

    /// Keeps one request in flight on each of the connections for `length`, and returns the responses per second.
    pub fn load(&self, connections: usize, length: Duration) -> Result<f64> {
        let seconds = length.as_secs().max(1).to_string();
        let output = Command::new("wrk")
            .args(["-t1", "-d", &seconds, "-c", &connections.to_string(), &self.url])
            .output()
            .context("wrk cannot be run: `apt-get install wrk` brings it")?;
        let output_text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success()
            || output_text.contains("Non-2xx")
            || output_text.contains("Socket errors")
        {
            bail!("wrk on {}: {output_text}{}", self.url, String::from_utf8_lossy(&output.stderr));
        }
        let rate = output_text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
        rate.and_then(|rate| rate.trim().parse().ok())
            .with_context(|| format!("unexpected output of wrk: {output_text}"))
    }
}
