//! The generator in a build script.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::{
    catalogue::Catalogue,
    error::{Error, Problem, Result},
    generate::{Options, OutputLayout, generate, write::write_file},
    metadata::Metadata,
};

/// Generates from files, for a build script.
///
/// Generated code that is committed is easier to read and needs no build script; where it is wanted nonetheless,
/// the metadata is what is committed:
///
/// ```no_run
/// // build.rs; then, in the crate, include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
/// cocaine_codegen::Builder::new().metadata("metadata.json").catalogue("catalogue.rs").generate()?;
/// # Ok::<(), cocaine_codegen::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    metadata: Option<PathBuf>,
    catalogues: Vec<PathBuf>,
    services: Vec<String>,
    out: Option<PathBuf>,
    strict: bool,
    doubles_of: Option<String>,
    types: Option<String>,
}

impl Builder {
    /// Returns a builder that knows the built-in catalogue only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the metadata from this file, as `cocaine-codegen fetch` writes it.
    pub fn metadata(mut self, path: impl Into<PathBuf>) -> Self {
        self.metadata = Some(path.into());
        self
    }

    /// Reads this catalogue too; what it describes wins over the built-in.
    pub fn catalogue(mut self, path: impl Into<PathBuf>) -> Self {
        self.catalogues.push(path.into());
        self
    }

    /// Generates for this service; for all, if no service is named.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.services.push(name.into());
        self
    }

    /// Writes to this file; without it, to `bindings.rs` in the folder that cargo names as `OUT_DIR`.
    pub fn out(mut self, path: impl Into<PathBuf>) -> Self {
        self.out = Some(path.into());
        self
    }

    /// Makes each warning an error; otherwise cargo shows them.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Generates doubles of the bindings in this module, and not the bindings ([`Options::doubles_of`]).
    pub fn doubles_of(mut self, module: impl Into<String>) -> Self {
        self.doubles_of = Some(module.into());
        self
    }

    /// Uses the types in this module for those of apps ([`Options::types`]).
    pub fn types(mut self, module: impl Into<String>) -> Self {
        self.types = Some(module.into());
        self
    }

    /// Generates, and tells cargo which files to watch.
    pub fn generate(self) -> Result<()> {
        let path =
            self.metadata.ok_or_else(|| problem("name a file: `Builder::metadata(\"metadata.json\")`"))?;
        let mut metadata = Metadata::from_json(&watched(&path)?)?;
        if !self.services.is_empty() {
            metadata.select(&self.services)?;
        }
        let mut catalogue = Catalogue::builtin();
        for path in &self.catalogues {
            catalogue =
                Catalogue::parse(&path.display().to_string(), &watched(path)?)?.with_fallback(catalogue);
        }
        let (layout, strict) = (OutputLayout::SingleFile, self.strict);
        let options = Options { layout, strict, doubles_of: self.doubles_of, types: self.types };
        let output = generate(&metadata, &catalogue, &options)?;
        for warning in &output.warnings {
            println!("cargo:warning={warning}");
        }
        let out = match self.out {
            Some(out) => out,
            None => env::var_os("OUT_DIR").map(|folder| Path::new(&folder).join("bindings.rs")).ok_or_else(
                || problem("there is no OUT_DIR outside a build script: name a file with `Builder::out`"),
            )?,
        };
        for file in &output.files {
            write_file(&out, &file.text)?;
        }
        Ok(())
    }
}

fn problem(message: &str) -> Error {
    Problem::Metadata(message.to_owned()).into()
}

fn watched(path: &Path) -> Result<String> {
    println!("cargo:rerun-if-changed={}", path.display());
    fs::read_to_string(path).map_err(|error| Error::file(path, &error))
}
