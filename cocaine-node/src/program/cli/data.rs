//! The commands for a data folder: backup, restoration and compaction.

use std::{
    ffi::OsString,
    io::{self, Write},
    path::PathBuf,
};

use crate::{
    config::{ConfigError, NodeConfig},
    data::{self, Replacement},
};
use clap::{Args, Subcommand};

use super::data_folder;
use crate::program::error::ProgramError;

/// The commands for a data folder.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Writes a backup of everything that a node stores to a file
    ///
    /// A node that uses the data folder goes on; what is written meanwhile is not in the backup. The file has its name only
    /// once it is whole and checked, and only its owner can read it.
    ///
    /// Not in it: unpacked packages, which come from the stored ones; the output of workers that still run; logs; the
    /// configuration.
    #[command(
        after_help = "Examples:\n  cocaine-node backup /backups/node-$(date +%F)\n  cocaine-node backup --replace --data /var/lib/cocaine /backups/node"
    )]
    Backup {
        /// The file to write
        file: PathBuf,
        /// Replaces the file if it exists, once the new one is whole
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// Puts a backup in the place of what a data folder stores
    ///
    /// No node may use the folder. The whole file is checked before anything is changed. However this ends, the folder then
    /// has its former data or that of the backup.
    #[command(
        after_help = "Examples:\n  cocaine-node restore /backups/node-2026-11-30\n  cocaine-node restore --replace --data /var/lib/cocaine /backups/node"
    )]
    Restore {
        /// The file that `backup` has written
        file: PathBuf,
        /// Replaces data that is there, which is kept under another name
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// Gives the space of what was removed or replaced back to the file system
    ///
    /// A node that uses the data folder goes on: its writes wait meanwhile, its reads do not. It takes as much space beside
    /// the database as the data needs.
    #[command(after_help = "Example:\n  cocaine-node compact --data /var/lib/cocaine")]
    Compact {
        #[command(flatten)]
        folder: FolderArgs,
    },
}

/// Which data folder is meant.
#[derive(Clone, Debug, Args)]
pub(crate) struct FolderArgs {
    /// The data folder [default: that of the configuration file, or `cocaine` in `$XDG_STATE_HOME` or `~/.local/state`]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file of the node
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl FolderArgs {
    /// Returns the data folder.
    fn folder(&self, env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, ConfigError> {
        let configured = || match &self.config {
            Some(file) => NodeConfig::read(file).map(|config| config.data),
            None => Ok(None),
        };
        let set = self.data.clone().map_or_else(configured, |data| Ok(Some(data)))?;
        data_folder(set, env)
    }
}

impl DataCommand {
    /// Carries out the command, and prints what it has done.
    pub(crate) async fn run(&self, env: impl Fn(&str) -> Option<OsString>) -> Result<(), ProgramError> {
        let text = match self {
            Self::Backup { file, replace, folder } => {
                let written = data::backup(&folder.folder(env)?, file, replacement(*replace)).await?;
                format!("{} rows are in {}, of {} bytes", written.rows, file.display(), written.bytes)
            }
            Self::Restore { file, replace, folder } => {
                let folder = folder.folder(env)?;
                let restored = data::restore(file, &folder, replacement(*replace)).await?;
                let rows = restored.backup.rows;
                let former =
                    restored.former.map(|former| format!("; what was there is {}", former.display()));
                format!("{rows} rows are restored in {}{}", folder.display(), former.unwrap_or_default())
            }
            Self::Compact { folder } => {
                let compacted = data::compact(&folder.folder(env)?).await?;
                format!("{} bytes before, {} after", compacted.bytes_before, compacted.bytes_after)
            }
        };
        // A closed standard output is no failure: the work is done.
        let _ = writeln!(io::stdout(), "cocaine-node: {text}");
        Ok(())
    }
}

fn replacement(is_allowed: bool) -> Replacement {
    if is_allowed { Replacement::Allowed } else { Replacement::Refused }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn folder_comes_from_option_file_or_environment() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("node.toml");
        fs::write(&config, "data = 'configured'").unwrap();
        let folder = |data: Option<&str>, config: Option<&Path>| {
            let args = FolderArgs { data: data.map(PathBuf::from), config: config.map(PathBuf::from) };
            args.folder(|name| (name == "HOME").then(|| "/home/u".into())).unwrap()
        };
        assert_eq!(folder(Some("option"), Some(&config)), Path::new("option"));
        assert_eq!(folder(None, Some(&config)), Path::new("configured"));
        assert_eq!(folder(None, None), Path::new("/home/u/.local/state/cocaine"));
    }
}
