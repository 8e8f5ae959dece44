//! What the tour's apps are made of: a program that is built, and what is stored to have a node run it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use cocaine::{Bytes, Client, Value, msgpack};
use cocaine_bindings::{Storage, StorageClient};

use crate::{Step, check, show};

/// A program of this package.
pub(crate) struct Program {
    /// What cargo calls it: a `--bin` or an `--example`.
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    /// Where it lies beside the tour.
    pub(crate) folder: &'static str,
}

impl Program {
    /// Builds the program as the tour itself was built, and stores it as an app of this name.
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
        storage.write("apps", app, &packed(&package)?, Some(&["app"])).await?;
        storage.write("manifests", app, &packed(&manifest)?, Some(&["app"])).await?;
        storage.write("profiles", "default", &packed(&profile)?, Some(&["profile"])).await?;
        Ok(())
    }

    fn build(&self) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
        let Self { kind, name, folder } = self;
        let beside = env::current_exe()?;
        let program = beside.parent().unwrap_or(Path::new(".")).join(folder).join(name);
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

/// Returns a value as a chunk, in `MessagePack`.
pub(crate) fn packed(value: &impl serde::Serialize) -> cocaine::Result<Bytes> {
    msgpack::to_vec(value).map(Bytes::from)
}
