//! New apps: the files of each template, with names and dependencies filled in.

mod dependencies;
mod name;

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use clap::ValueEnum;

pub(crate) use self::{
    dependencies::{Dependencies, DependencySource},
    name::crate_name,
};

use crate::error::{Error, Result};

/// What a new app is made from.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Template {
    /// Events with arguments, a result and an error that has a name
    Worker,
    /// A web app of axum
    Http,
    /// Events that are streams
    Stream,
    /// Events and a page in Python, without any package
    Python,
}

/// The files of an app in Python: their names and their texts.
const PYTHON_FILES: [(&str, &str); 7] = [
    (".cocaineignore", include_str!("templates/python/cocaineignore.in")),
    (".gitignore", include_str!("templates/python/gitignore.in")),
    ("README.md", include_str!("templates/python/README.md.in")),
    ("app.py", include_str!("templates/python/app.py.in")),
    ("cocaine_worker.py", include_str!("templates/python/cocaine_worker.py.in")),
    ("manifest.json", include_str!("templates/python/manifest.json.in")),
    ("test_app.py", include_str!("templates/python/test_app.py.in")),
];

/// The program of an app in Python.
const PYTHON_PROGRAM: &str = "app.py";

impl Template {
    /// Writes an app into a new folder, whole or not at all.
    ///
    /// # Errors
    /// The folder is there already, or cannot be written.
    pub(crate) fn write(self, name: &str, folder: &Path, dependencies: &Dependencies) -> Result<()> {
        fs::create_dir(folder).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Failed(format!(
                "{} is there already: nothing is written; choose another name, or move it away",
                folder.display()
            )),
            _ => Error::in_file(folder)(error),
        })?;
        self.write_files(name, folder, dependencies).inspect_err(|_| {
            // What cannot be removed is what could not be written.
            let _ = fs::remove_dir_all(folder);
        })
    }

    fn write_files(self, name: &str, folder: &Path, dependencies: &Dependencies) -> Result<()> {
        if self != Self::Python {
            let source = folder.join("src");
            fs::create_dir(&source).map_err(Error::in_file(&source))?;
        }
        for (file, text) in self.files() {
            let path = folder.join(file);
            fs::write(&path, self.fill_in(text, name, dependencies)).map_err(Error::in_file(&path))?;
            if file == PYTHON_PROGRAM {
                fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(Error::in_file(&path))?;
            }
        }
        Ok(())
    }

    /// Returns how an app is tested.
    pub(crate) fn test_command(self) -> &'static str {
        if self == Self::Python { "python3 -m unittest" } else { "cargo test" }
    }

    fn files(self) -> Vec<(&'static str, &'static str)> {
        let main = match self {
            Self::Python => return PYTHON_FILES.to_vec(),
            Self::Worker => include_str!("templates/worker/main.rs.in"),
            Self::Http => include_str!("templates/http/main.rs.in"),
            Self::Stream => include_str!("templates/stream/main.rs.in"),
        };
        vec![
            (".gitignore", include_str!("templates/gitignore.in")),
            ("Cargo.toml", include_str!("templates/Cargo.toml.in")),
            ("README.md", include_str!("templates/README.md.in")),
            ("manifest.json", include_str!("templates/manifest.json.in")),
            ("src/main.rs", main),
        ]
    }

    fn fill_in(self, text: &str, name: &str, dependencies: &Dependencies) -> String {
        text.replace("{{dependencies}}", &dependencies.of_program(self))
            .replace("{{dev-dependencies}}", &dependencies.of_tests(self))
            .replace("{{workspace}}", dependencies.workspace_table())
            .replace("{{call}}", self.example_call())
            .replace("{{name}}", name)
    }

    /// Returns a command that calls the app through the gateway.
    fn example_call(self) -> &'static str {
        match self {
            Self::Worker => {
                "curl http://127.0.0.1:8080/ -H 'X-Cocaine-JSON-RPC: 1' \\\n    \
                 -d '{\"jsonrpc\": \"2.0\", \"method\": \"{{name}}.greet\", \"params\": [\"Ada\"], \"id\": 1}'"
            }
            Self::Http | Self::Python => "curl http://127.0.0.1:8080/{{name}}/web/greet/Ada",
            Self::Stream => {
                "curl http://127.0.0.1:8080/ -H 'X-Cocaine-JSON-RPC: 1' \\\n    \
                 -d '{\"jsonrpc\": \"2.0\", \"method\": \"{{name}}.count\", \"params\": [3], \"id\": 1}'"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_placeholders_are_filled_in() {
        let dependencies = Dependencies::new(DependencySource::Version, true);
        for template in Template::value_variants() {
            for (file, text) in template.files() {
                let text = template.fill_in(text, "shop", &dependencies);
                assert!(!text.contains("{{"), "{template:?} {file}: {text}");
            }
        }
    }

    #[test]
    fn folder_that_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dependencies = Dependencies::new(DependencySource::Version, false);
        fs::write(folder.path().join("mine"), "1").unwrap();
        let error = Template::Worker.write("shop", folder.path(), &dependencies).unwrap_err().to_string();
        assert!(error.contains("is there already"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn half_written_folder_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/shop");
        let dependencies = Dependencies::new(DependencySource::Version, false);
        assert!(Template::Worker.write("shop", &missing, &dependencies).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
