//! Building a program of this package and uploading it as an app.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use cocaine::{Bytes, Client, Value, msgpack};
use cocaine_bindings::{Storage, StorageClient};

use crate::step::{Step, check, show};

/// A program of this package.
pub(crate) struct Program {
    /// The kind of target for cargo: `--bin` or `--example`.
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    /// The folder of the program, relative to that of the tour.
    pub(crate) folder: &'static str,
}

impl Program {
    /// Builds the program with the profile of the tour, and uploads it as an app of this name.
    pub(crate) async fn upload(&self, cloud: &Client, app: &str) -> Step {
        let built = self.build()?;
        let storage: StorageClient = cloud.service().await?;
        let mut package = tar::Builder::new(Vec::new());
        package.sparse(false);
        package.append_path_with_name(built, app)?;
        let package = Bytes::from(package.into_inner()?);
        show(format!("its package has {} KiB", package.len() >> 10));
        let manifest = Value::Map(vec![("slave".into(), app.into())]);
        let profile = Value::Map(vec![("pool-limit".into(), 2.into())]);
        storage.write("apps", app, &encode(&package)?, Some(&["app"])).await?;
        storage.write("manifests", app, &encode(&manifest)?, Some(&["app"])).await?;
        storage.write("profiles", "default", &encode(&profile)?, Some(&["profile"])).await?;
        Ok(())
    }

    fn build(&self) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
        let Self { kind, name, folder } = self;
        let tour = env::current_exe()?;
        let program = tour.parent().unwrap_or(Path::new(".")).join(folder).join(name);
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["build", "--quiet", "--package", "examples", kind, name]);
        cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        check(cargo.status()?.success() && program.exists(), "the worker is built")?;
        show(format!("built {}", program.display()));
        Ok(program)
    }
}

/// Encodes a value as a chunk of `MessagePack`.
pub(crate) fn encode(value: &impl serde::Serialize) -> cocaine::Result<Bytes> {
    msgpack::to_vec(value).map(Bytes::from)
}
