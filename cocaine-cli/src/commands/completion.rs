//! `cocaine completion`.

use std::env;

use clap::{Args, ValueEnum};
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use crate::{
    environment::Environment,
    error::{ExitStatus, Result},
};

/// Prints what makes a shell complete commands, options and names of the cloud
///
/// Examples:
///
///   source <(cocaine completion bash)        # in ~/.bashrc
///
///   source <(cocaine completion zsh)         # in ~/.zshrc, after compinit
///
///   cocaine completion fish | source         # in ~/.config/fish/config.fish
///
/// Names of apps, services and profiles come from the cloud that the command line names so far. They are used for five
/// seconds; a cloud that does not answer within 0.3 seconds has none.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Completion {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

pub(super) fn print_registration(args: &Completion, environment: &Environment) -> Result<ExitStatus> {
    let completer: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Fish => &Fish,
        Shell::Zsh => &Zsh,
    };
    let program = env::args().next().unwrap_or_else(|| "cocaine".to_owned());
    let program = if program.contains('/') { env::current_exe()?.display().to_string() } else { program };
    let mut text = Vec::new();
    completer.write_registration("COMPLETE", "cocaine", "cocaine", &program, &mut text)?;
    environment.output.bytes(&text)?;
    Ok(ExitStatus::Done)
}
