//! The crates of a workspace, as cargo describes them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::{
    error::{Error, Result},
    package::cargo_command,
};

/// The file of a crate or a workspace.
pub(super) const MANIFEST: &str = "Cargo.toml";

/// A workspace: a crate alone is one, too.
#[derive(Debug, Deserialize)]
pub(super) struct Workspace {
    packages: Vec<WorkspaceCrate>,
    #[serde(rename = "workspace_root")]
    root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct WorkspaceCrate {
    manifest_path: PathBuf,
    dependencies: Vec<PathDependency>,
    #[serde(default)]
    metadata: Json,
}

#[derive(Debug, Deserialize)]
struct PathDependency {
    /// The folder, if it is on this machine.
    path: Option<PathBuf>,
}

impl Workspace {
    /// Reads the workspace that a folder belongs to.
    pub(super) async fn read(folder: &Path) -> Result<Self> {
        let mut command = cargo_command(&["metadata", "--no-deps", "--format-version", "1"]);
        command.arg("--manifest-path").arg(folder.join(MANIFEST)).stdout(Stdio::piped());
        let output = command.stderr(Stdio::piped()).output().await;
        let output = output.map_err(|error| {
            Error::Failed(format!("cargo cannot be run: {error}; https://rustup.rs installs it"))
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim().trim_start_matches("error: ");
            return Err(Error::in_file(&folder.join(MANIFEST))(said));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Error::Failed(format!("what `cargo metadata` prints cannot be read: {error}")))
    }

    /// Returns the folder in which cargo builds.
    pub(super) fn target_folder(&self) -> &Path {
        &self.target_directory
    }

    /// Returns the folders of the crates that are apps: those with `[package.metadata.cocaine]` or a manifest.
    pub(super) fn app_folders(&self) -> Vec<PathBuf> {
        let apps = self.packages.iter().filter(|package| {
            package.metadata.get("cocaine").is_some() || package.folder().join("manifest.json").is_file()
        });
        apps.map(|package| package.folder().to_owned()).collect()
    }

    /// Returns whatever a build of the crate in a folder reads: its folder, those of the crates that it depends on, and the files of
    /// the workspace.
    pub(super) fn inputs(&self, folder: &Path) -> Vec<PathBuf> {
        let mut inputs = BTreeSet::new();
        let mut next = vec![folder.to_owned()];
        while let Some(folder) = next.pop() {
            let package = self.packages.iter().find(|package| package.folder() == folder);
            // Crates may depend on each other in their tests.
            if inputs.insert(folder)
                && let Some(package) = package
            {
                next.extend(package.dependencies.iter().filter_map(|dependency| dependency.path.clone()));
            }
        }
        inputs.extend([MANIFEST, "Cargo.lock", ".cargo"].map(|file| self.root.join(file)));
        inputs.into_iter().collect()
    }
}

impl WorkspaceCrate {
    fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        let dependency = |path: &str| PathDependency { path: Some(path.into()) };
        let package = |folder: &str, metadata, dependencies| WorkspaceCrate {
            manifest_path: Path::new(folder).join(MANIFEST),
            dependencies,
            metadata,
        };
        let app = serde_json::json!({"cocaine": {"name": "links"}});
        Workspace {
            packages: vec![
                package("/w/shop", app, vec![dependency("/w/model"), PathDependency { path: None }]),
                package("/w/model", Json::Null, vec![dependency("/w/shop"), dependency("/elsewhere")]),
                package("/w/tool", Json::Null, Vec::new()),
            ],
            root: "/w".into(),
            target_directory: "/w/target".into(),
        }
    }

    #[test]
    fn crates_with_settings_are_apps() {
        assert_eq!(workspace().app_folders(), [Path::new("/w/shop")]);
    }

    #[test]
    fn inputs_are_all_crates_on_the_way() {
        let names = |folder: &str| {
            let inputs = workspace().inputs(Path::new(folder));
            inputs.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        let files = ["/w/.cargo", "/w/Cargo.lock", "/w/Cargo.toml"];
        assert_eq!(names("/w/shop"), [&["/elsewhere"], &files[..], &["/w/model", "/w/shop"]].concat());
        assert_eq!(names("/w/tool"), [&files[..], &["/w/tool"]].concat());
    }
}
