//! Which apps are run, and what they are made of.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

pub(super) use super::apps_file::FILE as APPS_FILE;
use super::{
    apps_file::{self, AppEntry},
    workspace::{MANIFEST, Workspace},
};
use crate::{
    error::{Error, Result},
    package::{Crate, Source},
};

/// The folder for what a run needs, where there is no folder of builds.
const STATE_FOLDER: &str = ".cocaine";

/// All apps that are run.
#[derive(Debug)]
pub(crate) struct Project {
    pub(super) apps: Vec<ProjectApp>,
    /// The folder for what a run needs, such as the data of its node.
    pub(super) state_folder: PathBuf,
}

/// An app.
#[derive(Debug)]
pub(super) struct ProjectApp {
    pub(super) name: String,
    /// The folder that its build runs in.
    pub(super) folder: PathBuf,
    pub(super) recipe: Recipe,
    /// A file with keys of its manifest.
    pub(super) manifest: Option<PathBuf>,
    /// The profile that it is started with, if the project says so.
    pub(super) profile: Option<String>,
    /// The files and folders whose changes are changes of the app.
    pub(super) inputs: Vec<PathBuf>,
    /// What its build makes, which is no change.
    pub(super) product: Option<PathBuf>,
}

/// How an app is built.
#[derive(Debug)]
pub(super) enum Recipe {
    /// By cargo.
    Crate(Crate),
    /// By a command of the shell, if it needs one. The package is made of what lies at the path then: a program or a folder.
    Files { command: Option<String>, path: PathBuf },
}

impl Project {
    /// Finds the apps at these paths: those of a `Cocaine.toml`, a crate, the crates of a workspace that are apps, or a folder with a
    /// manifest.
    pub(crate) async fn find(paths: &[PathBuf]) -> Result<Self> {
        let here = [PathBuf::from(".")];
        let paths = if paths.is_empty() { &here[..] } else { paths };
        let mut project = Self { apps: Vec::new(), state_folder: PathBuf::new() };
        for path in paths {
            let is_apps_file = path.file_name().is_some_and(|name| name == apps_file::FILE);
            let folder = if is_apps_file { path.parent().unwrap_or(path) } else { path };
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let folder = folder.canonicalize().map_err(Error::in_file(path))?;
            project.add(&folder).await?;
        }
        project.check_names()?;
        Ok(project)
    }

    async fn add(&mut self, folder: &Path) -> Result<()> {
        let file = folder.join(apps_file::FILE);
        if file.is_file() {
            for entry in apps_file::read(&file)? {
                let app = self.entry_app(folder, entry).await;
                self.apps.push(app?);
            }
            self.set_state_folder(&folder.join(STATE_FOLDER));
            return Ok(());
        }
        if folder.join(MANIFEST).is_file() {
            return self.add_crates(folder).await;
        }
        if folder.join("manifest.json").is_file() {
            let entry = AppEntry { path: ".".into(), ..AppEntry::default() };
            let app = self.entry_app(folder, entry).await?;
            self.apps.push(app);
            self.set_state_folder(&folder.join(STATE_FOLDER));
            return Ok(());
        }
        Err(Error::Usage(format!(
            "{} has no app: there is neither a {} nor a {MANIFEST} nor a manifest.json in it; `cocaine new NAME` makes an app",
            folder.display(),
            apps_file::FILE,
        )))
    }

    /// Adds a crate, or the apps among the crates of a workspace.
    async fn add_crates(&mut self, folder: &Path) -> Result<()> {
        let workspace = Workspace::read(folder).await?;
        self.set_state_folder(&workspace.target_folder().join("cocaine"));
        if let Ok(source) = Crate::open(folder) {
            self.apps.push(crate_app(source, &workspace));
            return Ok(());
        }
        let folders = workspace.app_folders();
        if folders.is_empty() {
            return Err(Error::Usage(format!(
                "the workspace {} has no app: an app is a crate with `[package.metadata.cocaine]` in its {MANIFEST}, or with a \
                 manifest.json; or name one of its crates",
                folder.display()
            )));
        }
        for folder in folders {
            self.apps.push(crate_app(Crate::open(&folder)?, &workspace));
        }
        Ok(())
    }

    /// Returns the app of an entry of a file in a folder.
    async fn entry_app(&mut self, folder: &Path, entry: AppEntry) -> Result<ProjectApp> {
        let path = folder.join(&entry.path);
        let path = path.canonicalize().map_err(Error::in_file(&path))?;
        let is_crate = entry.build.is_none() && entry.program.is_none() && path.join(MANIFEST).is_file();
        let mut app = if is_crate {
            let workspace = Workspace::read(&path).await?;
            self.set_state_folder(&workspace.target_folder().join("cocaine"));
            crate_app(Crate::open(&path)?, &workspace)
        } else {
            files_app(&path, entry.build, entry.program)?
        };
        if let Some(name) = entry.name {
            app.name = name;
        }
        app.inputs.push(folder.join(apps_file::FILE));
        app.manifest = entry.manifest.map(|file| app.folder.join(file));
        app.profile = entry.profile;
        app.inputs.extend(app.manifest.clone());
        Ok(app)
    }

    /// The folder of the first app is used.
    fn set_state_folder(&mut self, folder: &Path) {
        if self.state_folder.as_os_str().is_empty() {
            folder.clone_into(&mut self.state_folder);
        }
    }

    fn check_names(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        match self.apps.iter().find(|app| !names.insert(&app.name)) {
            Some(app) => Err(Error::Usage(format!(
                "two apps have the name `{}`: give one another, as `name` in {} or in `[package.metadata.cocaine]`",
                app.name,
                apps_file::FILE
            ))),
            None => Ok(()),
        }
    }
}

fn crate_app(source: Crate, workspace: &Workspace) -> ProjectApp {
    ProjectApp {
        name: source.app_name().to_owned(),
        folder: source.folder().to_owned(),
        inputs: workspace.inputs(source.folder()),
        recipe: Recipe::Crate(source),
        manifest: None,
        profile: None,
        product: None,
    }
}

/// Returns the app that is the program or all of a folder.
fn files_app(folder: &Path, command: Option<String>, program: Option<PathBuf>) -> Result<ProjectApp> {
    let path = program.map_or_else(|| folder.to_owned(), |program| folder.join(program));
    let name = Source::Folder(folder.to_owned()).name();
    let name = name.ok_or_else(|| Error::in_file(folder)("has no name that an app can have: give it one"))?;
    let product = (command.is_some() && path != folder).then(|| path.clone());
    let inputs = if command.is_none() { vec![path.clone()] } else { vec![folder.to_owned()] };
    Ok(ProjectApp {
        name,
        folder: folder.to_owned(),
        recipe: Recipe::Files { command, path },
        manifest: None,
        profile: None,
        inputs,
        product,
    })
}
