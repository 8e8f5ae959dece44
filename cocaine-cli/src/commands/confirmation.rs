//! Consent to what cannot be taken back.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;

use crate::{
    error::{Error, Result},
    output::printable,
};

/// The options of commands that replace or remove something.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Confirmation {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Only say what would be done
    #[arg(long, conflicts_with = "yes")]
    pub(super) dry_run: bool,
}

impl Confirmation {
    /// Asks for consent to an action ("remove the app `shop`"), and returns whether it is to be done. A dry run only says it.
    ///
    /// # Errors
    /// There is no terminal to ask at, and `--yes` is not given; or the answer is no.
    pub(super) async fn confirm(self, action: &str) -> Result<bool> {
        let action = &printable(action);
        if self.dry_run {
            eprintln!("would {action}");
            return Ok(false);
        }
        if self.yes {
            return Ok(true);
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Error::Usage(format!("nobody can be asked whether to {action}: `--yes` does it")));
        }
        eprint!("{action}? [y/N] ");
        io::stderr().flush()?;
        // In a thread of its own, so that Ctrl-C is heard meanwhile.
        let answer = tokio::task::spawn_blocking(|| io::stdin().lock().lines().next());
        let answer = answer.await.map_err(io::Error::from)?.transpose()?;
        if matches!(answer.as_deref().map(str::trim), Some("y" | "Y" | "yes")) {
            return Ok(true);
        }
        Err(Error::Failed("nothing is done".to_owned()))
    }
}
