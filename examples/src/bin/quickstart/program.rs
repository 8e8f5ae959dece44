//! Building a program of this package and uploading it as an app. The program `cocaine` does the same: `cocaine app upload`.

use std::{
    env,
    error::Error,
    path::PathBuf,
    process::{Command, Stdio},
};

use cocaine::{Bytes, Client, Value, msgpack, schema::AppSchema};
use cocaine_bindings::{Storage, StorageClient};
use serde::{Deserialize, Serialize};

use crate::step::{Step, check, show};

/// A program of this package.
pub(crate) struct Program {
    /// The kind of target for cargo: `--bin` or `--example`.
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
}

/// A program that was built.
pub(crate) struct BuiltProgram {
    path: PathBuf,
    /// The library `cocaine` that it was linked with, for whoever compiles against it.
    pub(crate) runtime: PathBuf,
}

impl Program {
    /// Builds the program with the profile of the tour, as a user builds a worker with cargo.
    pub(crate) fn build(&self) -> Result<BuiltProgram, Box<dyn Error + Send + Sync>> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["build", "--quiet", "--message-format=json-render-diagnostics", "--package", "examples"]);
        cargo.args([self.kind, self.name]).stderr(Stdio::inherit());
        cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let output = cargo.output()?;
        check(output.status.success(), "the worker is built")?;
        let artifacts: Vec<Artifact> = output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        let path = artifacts.iter().find_map(|artifact| artifact.executable.clone());
        let is_rlib = |file: &&PathBuf| file.extension().is_some_and(|extension| extension == "rlib");
        let runtime = (artifacts.iter().filter(|artifact| artifact.target.name == "cocaine"))
            .find_map(|artifact| artifact.filenames.iter().find(is_rlib).cloned());
        let program = BuiltProgram {
            path: path.ok_or("cargo has built no program")?,
            runtime: runtime.ok_or("cargo has built no library")?,
        };
        show(format!("built {}", program.path.display()));
        Ok(program)
    }
}

/// What cargo says of something that it has built.
#[derive(Deserialize)]
struct Artifact {
    target: Target,
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl BuiltProgram {
    /// Returns what the program says of its events.
    pub(crate) fn describe(&self) -> Result<AppSchema, Box<dyn Error + Send + Sync>> {
        let output = Command::new(&self.path).arg("--describe").stderr(Stdio::inherit()).output()?;
        check(output.status.success(), "the worker describes itself")?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Uploads the program as an app of this name, with its schema.
    pub(crate) async fn upload(&self, cloud: &Client, app: &str, schema: &AppSchema) -> Step {
        let storage: StorageClient = cloud.service().await?;
        let mut package = tar::Builder::new(Vec::new());
        package.sparse(false);
        package.append_path_with_name(&self.path, app)?;
        let package = Bytes::from(package.into_inner()?);
        show(format!("its package has {} KiB", package.len() >> 10));
        let manifest = Manifest { slave: app, schema };
        let profile = Value::Map(vec![("pool-limit".into(), 2.into())]);
        storage.write("apps", app, &encode(&package)?, Some(&["app"])).await?;
        storage.write("manifests", app, &encode(&manifest)?, Some(&["app"])).await?;
        storage.write("profiles", "default", &encode(&profile)?, Some(&["profile"])).await?;
        Ok(())
    }
}

/// Which file of the package is run, and what is known of its events.
#[derive(Serialize)]
struct Manifest<'a> {
    slave: &'a str,
    schema: &'a AppSchema,
}

/// Encodes a value as a chunk of `MessagePack`.
pub(crate) fn encode(value: &impl serde::Serialize) -> cocaine::Result<Bytes> {
    msgpack::to_vec(value).map(Bytes::from)
}
