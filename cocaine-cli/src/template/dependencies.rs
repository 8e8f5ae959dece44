//! The dependencies of new apps, and where they come from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::Template;
use crate::error::{Error, Result};

/// The version of the crates of this project.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the crates of this project come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum DependencySource {
    /// The registry.
    Version,
    /// A clone of the repository, by a path as it is written.
    Clone(String),
    /// A repository.
    Git(String),
}

/// The dependencies of a new app.
#[derive(Debug)]
pub(crate) struct Dependencies {
    source: DependencySource,
    is_in_workspace: bool,
}

/// One of the crates of this project, the folder that it has there, and the features that are wanted.
type Dependency = (&'static str, &'static str, &'static [&'static str]);

const BINDINGS: Dependency = ("cocaine-bindings", "bindings", &[]);
const DOUBLES: Dependency = ("cocaine-bindings", "bindings", &["doubles"]);
const RUNTIME: Dependency = ("cocaine-rt", "cocaine-rt", &[]);
const HTTP_RUNTIME: Dependency = ("cocaine-rt", "cocaine-rt", &["http"]);
const TEST_KIT: Dependency = ("cocaine-test", "cocaine-test", &[]);

const AXUM: &str =
    "axum = { version = \"0.8\", default-features = false, features = [\"http1\", \"tokio\"] }\n";
const FUTURES: &str = "futures-util = \"0.3\"\n";
const SERDE: &str = "serde = { version = \"1.0\", features = [\"derive\"] }\n";
const TOKIO: &str = "tokio = { version = \"1.54\", features = [\"macros\", \"rt-multi-thread\"] }\n";

impl DependencySource {
    /// Returns the clone in this folder.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn clone_at(folder: &Path) -> Result<Self> {
        if !is_clone(folder) {
            return Err(Error::Usage(format!(
                "{} is no clone of the repository: there is no cocaine-rt/Cargo.toml in it",
                folder.display()
            )));
        }
        let folder = folder.canonicalize().map_err(Error::in_file(folder))?;
        let path = folder.to_str().ok_or_else(|| Error::in_file(&folder)("its path is not UTF-8"))?;
        Ok(Self::Clone(path.to_owned()))
    }
}

impl Dependencies {
    pub(crate) fn new(source: DependencySource, is_in_workspace: bool) -> Self {
        Self { source, is_in_workspace }
    }

    /// Returns the dependencies for a new folder in `parent`. Within a clone they come from there, unless a source is given.
    pub(crate) fn within(parent: &Path, source: Option<DependencySource>) -> Self {
        let workspaces: Vec<_> =
            parent.ancestors().enumerate().filter(|(_, folder)| is_workspace(folder)).collect();
        let enclosing = workspaces.iter().find(|(_, folder)| is_clone(folder));
        // The folder itself is one level deeper than `parent`.
        let enclosing = enclosing.map(|(depth, _)| DependencySource::Clone(vec![".."; depth + 1].join("/")));
        Self::new(source.or(enclosing).unwrap_or(DependencySource::Version), !workspaces.is_empty())
    }

    pub(crate) fn source(&self) -> &DependencySource {
        &self.source
    }

    /// Returns the lines of the table `dependencies`.
    pub(super) fn of_program(&self, template: Template) -> String {
        match template {
            Template::Worker => [&self.line(BINDINGS), &self.line(RUNTIME), SERDE, TOKIO].concat(),
            Template::Http => [AXUM, &self.line(BINDINGS), &self.line(HTTP_RUNTIME), TOKIO].concat(),
            Template::Stream => [&self.line(RUNTIME), FUTURES, SERDE, TOKIO].concat(),
            Template::Python => String::new(),
        }
    }

    /// Returns the lines of the table `dev-dependencies`.
    pub(super) fn of_tests(&self, template: Template) -> String {
        match template {
            Template::Worker | Template::Http => self.line(DOUBLES),
            Template::Stream => [self.line(BINDINGS), self.line(TEST_KIT)].concat(),
            Template::Python => String::new(),
        }
    }

    /// Returns the table that makes the crate a workspace of its own, if it would be taken for a member of one around it.
    pub(super) fn workspace_table(&self) -> &'static str {
        if self.is_in_workspace {
            "\n# Not a member of the workspace around it. Remove this, and add it there, to make it one.\n[workspace]\n"
        } else {
            ""
        }
    }

    fn line(&self, (name, folder, features): Dependency) -> String {
        let quote = |text: String| Value::String(text).to_string();
        let source = match &self.source {
            DependencySource::Version => format!("version = {}", quote(VERSION.to_owned())),
            DependencySource::Clone(path) => format!("path = {}", quote(format!("{path}/{folder}"))),
            DependencySource::Git(url) => format!("git = {}", quote(url.clone())),
        };
        let features: Vec<_> = features.iter().map(|feature| quote((*feature).to_owned())).collect();
        if features.is_empty() {
            format!("{name} = {{ {source} }}\n")
        } else {
            format!("{name} = {{ {source}, features = [{}] }}\n", features.join(", "))
        }
    }
}

fn is_clone(folder: &Path) -> bool {
    folder.join("cocaine-rt/Cargo.toml").is_file() && folder.join("bindings/Cargo.toml").is_file()
}

fn is_workspace(folder: &Path) -> bool {
    let manifest: PathBuf = folder.join("Cargo.toml");
    let table = fs::read_to_string(manifest).ok().and_then(|text| text.parse::<Table>().ok());
    table.is_some_and(|table| table.contains_key("workspace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enclosing_clone_is_named_relative_to_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let clone = folder.path().join("clone");
        for package in ["cocaine-rt", "bindings", "apps/deep"] {
            fs::create_dir_all(clone.join(package)).unwrap();
            fs::write(clone.join(package).join("Cargo.toml"), "").unwrap();
        }
        fs::write(clone.join("Cargo.toml"), "[workspace]\n").unwrap();
        let found = |parent: &str| Dependencies::within(&clone.join(parent), None).source;
        assert_eq!(found(""), DependencySource::Clone("..".to_owned()));
        assert_eq!(found("apps/deep"), DependencySource::Clone("../../..".to_owned()));
        let given =
            Dependencies::within(&clone, Some(DependencySource::Git("https://a.example/b".to_owned())));
        assert_eq!(given.source, DependencySource::Git("https://a.example/b".to_owned()));
        assert!(given.is_in_workspace);
        let outside = Dependencies::within(folder.path(), None);
        assert_eq!((outside.source, outside.is_in_workspace), (DependencySource::Version, false));
    }

    #[test]
    fn lines_are_toml_whatever_the_source_is() {
        let sources = [
            DependencySource::Version,
            DependencySource::Clone("/a \"b\"\\c".to_owned()),
            DependencySource::Git("https://a.example/b".to_owned()),
        ];
        for source in sources {
            let line = Dependencies::new(source.clone(), false).line(HTTP_RUNTIME);
            let table: Table = line.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            let entry = &table["cocaine-rt"];
            assert_eq!(entry["features"][0].as_str(), Some("http"));
            if let DependencySource::Clone(path) = source {
                assert_eq!(entry["path"].as_str(), Some(format!("{path}/cocaine-rt").as_str()));
            }
        }
    }
}
