//! The options of commands that pack an app.

use std::path::{Path, PathBuf};

use clap::Args;
use cocaine::schema::AppSchema;

use super::Describe;
use crate::{
    app_store::{Manifest, Uploaded},
    commands::arguments::app_name,
    environment::Environment,
    error::{Error, Result},
    package::{BuildOptions, Compression, PROGRAM_KEY, Package, Source, read_manifest},
    program::{Obstacle, find_obstacle},
    schema,
};

/// What is packed, and how.
#[derive(Debug, Args)]
pub(super) struct PackingOptions {
    /// The program that its workers run
    #[arg(long, value_name = "PATH", conflicts_with_all = ["path", "crate_folder"])]
    program: Option<PathBuf>,
    /// Build the crate in this folder
    #[arg(long = "crate", value_name = "DIR", conflicts_with = "path")]
    crate_folder: Option<PathBuf>,
    /// Build the crate for this machine, such as x86_64-unknown-linux-musl
    #[arg(long, value_name = "TRIPLE", conflicts_with = "program")]
    target: Option<String>,
    /// Build this program of the crate
    #[arg(long, value_name = "NAME", conflicts_with = "program")]
    bin: Option<String>,
    /// Upload a program that does not run on machines like this one
    #[arg(long)]
    foreign: bool,
    /// Read the keys of the manifest from this file of JSON
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The file of the package that workers run
    #[arg(long, value_name = "PATH", conflicts_with_all = ["program", "crate_folder"])]
    slave: Option<String>,
    /// Make no virtual environment of requirements.txt
    #[arg(long)]
    no_venv: bool,
    /// Read the schema from this file, and do not ask the program
    #[arg(long, value_name = "FILE", conflicts_with = "no_schema")]
    schema: Option<PathBuf>,
    /// Upload without a schema
    #[arg(long)]
    pub(super) no_schema: bool,
    #[command(flatten)]
    describe: Describe,
}

impl PackingOptions {
    /// Returns whether an option names what is packed.
    pub(super) fn has_source(&self) -> bool {
        self.program.is_some() || self.crate_folder.is_some()
    }

    /// Returns the name of the app, and what it is made of.
    pub(super) fn find_source(&self, name: Option<&String>, path: Option<&Path>) -> Result<(String, Source)> {
        let (name, source) = match (name, path, &self.program, &self.crate_folder) {
            (name, _, Some(program), _) => (name, Source::Program(program.clone())),
            (name, _, None, Some(folder)) => (name, Source::crate_at(folder)?),
            (name, Some(path), None, None) => (name, Source::at(path)?),
            (None, None, None, None) => (None, Source::at(Path::new("."))?),
            (Some(path), None, None, None) if Path::new(path).exists() => {
                (None, Source::at(Path::new(path))?)
            }
            (Some(name), None, None, None) => {
                return Err(Error::Usage(format!(
                    "there is no file or folder {name:?}: name what to upload, such as `cocaine app upload {name} .`"
                )));
            }
        };
        let name = match name {
            Some(name) => name.clone(),
            None => source.name().ok_or_else(|| {
                Error::Usage("the app has no name: `cocaine app upload NAME PATH`".to_owned())
            })?,
        };
        let name = app_name(&name)
            .map_err(|reason| Error::Usage(format!("{name:?} cannot be the name of an app: {reason}")))?;
        Ok((name, source))
    }

    /// Makes the package of an app.
    pub(super) async fn pack(&self, app: &str, source: &Source) -> Result<Package> {
        let (target, bin) = (self.target.clone(), self.bin.clone());
        let options =
            BuildOptions { target, bin, makes_environment: !self.no_venv, ..BuildOptions::default() };
        let mut package = source.pack(app, &options, Compression::default()).await?;
        if let Some(file) = &self.manifest {
            for (key, value) in read_manifest(file)? {
                package.set_manifest_key(key, value);
            }
        }
        if let Some(slave) = &self.slave {
            package.manifest.insert(PROGRAM_KEY.to_owned(), slave.as_str().into());
        }
        Ok(package)
    }

    /// Returns what is to be uploaded of a package where an app with the manifest `former` is, and its schema.
    pub(super) async fn complete(
        &self,
        package: Package,
        former: Option<&Manifest>,
        environment: &Environment,
    ) -> Result<(Uploaded, Option<AppSchema>)> {
        let program = package.program(former.and_then(Manifest::program))?;
        let local = package.local_program(&program);
        if let Some(local) = &local {
            self.check_machine(local)?;
        }
        for note in &package.notes {
            environment.output.note(note);
        }
        let schema = self.new_schema(environment, local.as_deref(), package.local_folder()).await?;
        let manifest = Manifest::new(former, &package.manifest, &program, schema.as_ref())?;
        Ok((Uploaded { package: Some(package.blob), manifest: Some(manifest) }, schema))
    }

    /// Refuses a program that cannot run on machines like this one, unless that is wanted.
    fn check_machine(&self, program: &Path) -> Result<()> {
        if self.foreign || self.target.is_some() {
            return Ok(());
        }
        match find_obstacle(program, Path::new("")).map_err(Error::in_file(program))? {
            Some(Obstacle::Machine(reason)) => Err(Error::in_file(program)(format!(
                "{reason}: nothing is uploaded; `--foreign` uploads it all the same"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the schema to upload. A program that cannot say its own is uploaded without one.
    async fn new_schema(
        &self,
        environment: &Environment,
        program: Option<&Path>,
        folder: Option<&Path>,
    ) -> Result<Option<AppSchema>> {
        let schema = match (&self.schema, program) {
            (Some(path), _) => schema::read_file(path)?,
            (None, _) if self.no_schema => return Ok(None),
            (None, None) => {
                environment.output.note("no schema: an archive is not asked for one; `--schema FILE` has it");
                return Ok(None);
            }
            (None, Some(program)) => {
                match schema::describe(program, folder, self.describe.describe_timeout).await {
                    Ok(schema) => schema,
                    Err(reason) => {
                        environment.output.note(format_args!("no schema: {}: {reason}", program.display()));
                        return Ok(None);
                    }
                }
            }
        };
        schema::check_limits(&schema)?;
        Ok(Some(schema))
    }
}
