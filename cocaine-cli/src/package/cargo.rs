//! A crate as an app: its program is built for release, and stripped.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::process::Command;

use super::{Compression, Package, manifest_file, pack_program};
use crate::error::{Error, Result};

const MANIFEST: &str = "Cargo.toml";

/// The profile of builds for the cloud, unless the crate names another.
const PROFILE: &str = "cocaine";

/// What makes the profile: that of release without debug symbols.
const PROFILE_SETTINGS: [&str; 2] = ["profile.cocaine.inherits=\"release\"", "profile.cocaine.strip=true"];

/// How a crate is built, or a folder prepared.
#[derive(Debug, Default)]
pub(crate) struct BuildOptions {
    /// The target to build for, in place of that of the crate or of this machine.
    pub(crate) target: Option<String>,
    /// The program of the crate to build, in place of the one that it names.
    pub(crate) bin: Option<String>,
    /// Whether a folder with `requirements.txt` gets a virtual environment.
    pub(crate) makes_environment: bool,
    pub(crate) profile: CargoProfile,
}

/// With which profile of cargo a crate is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CargoProfile {
    /// That of the cloud, which the crate may name.
    #[default]
    Upload,
    /// The profile of a plain `cargo build`, which is fast.
    Dev,
}

/// A crate, and what its `Cargo.toml` says of it as an app.
#[derive(Debug)]
pub(crate) struct Crate {
    folder: PathBuf,
    name: String,
    settings: Settings,
}

/// `[package.metadata.cocaine]` of a `Cargo.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The name of the app, in place of that of the crate.
    name: Option<String>,
    bin: Option<String>,
    profile: Option<String>,
    target: Option<String>,
}

#[derive(Deserialize)]
struct CargoManifest {
    package: Option<CargoPackage>,
}

#[derive(Deserialize)]
struct CargoPackage {
    name: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    cocaine: Settings,
}

/// A message of `cargo build`.
#[derive(Deserialize)]
struct BuildMessage {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Returns whether a folder has a crate.
pub(super) fn is_crate(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file()
}

impl Crate {
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(Error::in_file(&path))?;
        let manifest: CargoManifest = toml::from_str(&text).map_err(Error::in_file(&path))?;
        let package = manifest.package.ok_or_else(|| {
            Error::in_file(&path)("is that of a workspace: name the folder of one of its crates")
        })?;
        Ok(Self { folder: folder.to_owned(), name: package.name, settings: package.metadata.cocaine })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn app_name(&self) -> &str {
        self.settings.name.as_deref().unwrap_or(&self.name)
    }

    /// Builds the crate, with what cargo says on standard error, and returns the path of its program.
    pub(super) async fn build(&self, options: &BuildOptions) -> Result<PathBuf> {
        let built = self.build_command(options).await?.spawn().map_err(|error| no_cargo(&error))?;
        let built = built.wait_with_output().await.map_err(|error| no_cargo(&error))?;
        if built.status.success() {
            return self.built_program(&built.stdout, options);
        }
        let hint = self.target(options).map_or_else(String::new, |target| {
            format!(
                "; a linker for {target} comes with `cargo install cargo-zigbuild` and `pip install ziglang`"
            )
        });
        Err(Error::Failed(format!("`{}` cannot be built, for the reasons above{hint}", self.name)))
    }

    /// Returns the command that builds the crate, and prints what it has built for [`Self::built_program`].
    pub(crate) async fn build_command(&self, options: &BuildOptions) -> Result<Command> {
        let mut command = match self.target(options) {
            Some(target) if has_zigbuild().await => {
                let mut command = cargo_command(&["zigbuild"]);
                command.args(["--target", target]);
                command
            }
            Some(target) => {
                check_target(target).await?;
                let mut command = cargo_command(&["build"]);
                command.args(["--target", target]);
                command
            }
            None => cargo_command(&["build"]),
        };
        command.arg("--manifest-path").arg(self.folder.join(MANIFEST));
        command.args(["--message-format", "json-render-diagnostics"]);
        match self.bin(options) {
            Some(bin) => command.args(["--bin", bin]),
            None => command.arg("--bins"),
        };
        match (options.profile, &self.settings.profile) {
            (CargoProfile::Dev, _) => {}
            (CargoProfile::Upload, Some(profile)) => {
                command.args(["--profile", profile]);
            }
            (CargoProfile::Upload, None) => {
                command.args(["--profile", PROFILE]);
                for setting in PROFILE_SETTINGS {
                    command.args(["--config", setting]);
                }
            }
        }
        command.stdout(Stdio::piped());
        Ok(command)
    }

    /// Returns the path of the program that a build has printed.
    pub(crate) fn built_program(&self, messages: &[u8], options: &BuildOptions) -> Result<PathBuf> {
        self.choose(programs(messages), self.bin(options))
    }

    /// Packs a program of the crate, with what a file of the manifest says.
    pub(crate) fn pack(&self, app: &str, program: &Path, compression: Compression) -> Result<Package> {
        let mut package = pack_program(app, program, compression)?;
        for (key, value) in manifest_file::read_in_folder(&self.folder)? {
            package.manifest.entry(key).or_insert(value);
        }
        Ok(package)
    }

    fn target<'a>(&'a self, options: &'a BuildOptions) -> Option<&'a str> {
        options.target.as_deref().or(self.settings.target.as_deref())
    }

    fn bin<'a>(&'a self, options: &'a BuildOptions) -> Option<&'a str> {
        options.bin.as_deref().or(self.settings.bin.as_deref())
    }

    /// Returns the program to upload: the only one, or the one that is named like the crate.
    fn choose(&self, mut programs: Vec<(String, PathBuf)>, bin: Option<&str>) -> Result<PathBuf> {
        if programs.len() > 1 {
            let name = bin.unwrap_or(&self.name);
            if let Some(index) = programs.iter().position(|(program, _)| program == name) {
                programs.swap(0, index);
                programs.truncate(1);
            }
        }
        match programs.as_slice() {
            [(_, path)] => Ok(path.clone()),
            [] => Err(Error::Failed(format!(
                "the crate `{}` has no program: a worker is a `[[bin]]`",
                self.name
            ))),
            several => {
                let names: Vec<_> = several.iter().map(|(name, _)| name.as_str()).collect();
                Err(Error::Usage(format!(
                    "the crate `{}` has the programs {}: name one with `--bin`, or as `bin` in \
                     [package.metadata.cocaine]",
                    self.name,
                    names.join(", ")
                )))
            }
        }
    }
}

/// Returns the programs that were built, by their names.
fn programs(messages: &[u8]) -> Vec<(String, PathBuf)> {
    let messages = messages.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<BuildMessage>(line).ok());
    let programs = messages.filter_map(|message| Some((message.target?, message.executable?)));
    let programs = programs.filter(|(target, _)| target.kind.iter().any(|kind| kind == "bin"));
    programs.map(|(target, path)| (target.name, path)).collect()
}

/// Returns a command of cargo, which ends when it is dropped.
pub(crate) fn cargo_command(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn no_cargo(error: &std::io::Error) -> Error {
    Error::Failed(format!("cargo cannot be run: {error}; https://rustup.rs installs it"))
}

async fn has_zigbuild() -> bool {
    let mut command = cargo_command(&["zigbuild", "--help"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

/// Checks that the standard library of a target is installed.
async fn check_target(target: &str) -> Result<()> {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(["--print", "target-libdir", "--target", target]).stdin(Stdio::null()).kill_on_drop(true);
    let printed = command.output().await.map_err(|error| no_cargo(&error))?;
    if !printed.status.success() {
        return Err(Error::Usage(format!(
            "rustc knows no target {target:?}: `rustc --print target-list` lists them"
        )));
    }
    if Path::new(String::from_utf8_lossy(&printed.stdout).trim()).is_dir() {
        return Ok(());
    }
    Err(Error::Failed(format!("the target {target} is not installed: `rustup target add {target}`")))
}
