//! Metadata and catalogue in, files out.

pub(crate) mod app_types;
pub(crate) mod builder;
pub(crate) mod write;

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use proc_macro2::TokenStream;

use crate::{
    catalogue::Catalogue,
    emit::{
        self, OutputKind,
        format::{self, HEADER},
    },
    error::{Error, Problem, Result, Warning},
    metadata::Metadata,
    model::{self, AppModel, Diagnostics, ModuleModel},
    naming::{self, NameScope},
    syntax,
};

/// How the output is cut into files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputLayout {
    /// One file, with a module for each service and each app.
    #[default]
    SingleFile,
    /// A file for each service and each app, and `mod.rs`.
    FilePerService,
}

/// What is to be generated, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How the output is cut into files.
    pub layout: OutputLayout,
    /// Whether a warning is an error.
    pub strict: bool,
    /// The path of the module in which the bindings are: doubles of them are generated, and not the bindings.
    ///
    /// It is one from `crate::` or `::`, or `crate` alone. Tests call the doubles instead of clients; they need the
    /// feature `doubles` of `cocaine-rt`.
    pub doubles_of: Option<String>,
    /// The path of a module, as that of `doubles_of`, whose types take the place of those that are generated for apps.
    ///
    /// The module has each type of the schemas under the name that the generated one would have, as a `pub` type or alias
    /// that implements `Serialize`, `Deserialize` and `Schema`. The generated code fails to compile if one has another
    /// structure than that of the schema. Doubles use the types of their bindings.
    pub types: Option<String>,
}

/// What was generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The files: one without a name, or those of a folder with `mod.rs` last.
    pub files: Vec<GeneratedFile>,
    /// What could be better, in the order of the services.
    pub warnings: Vec<Warning>,
}

/// One generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Its name in the folder; empty for the only file of [`OutputLayout::SingleFile`].
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Returns the Rust for the services of `metadata`, as `catalogue` describes them, and for its apps, as their schemas do.
///
/// The same input gives the same bytes, always and everywhere.
pub fn generate(metadata: &Metadata, catalogue: &Catalogue, options: &Options) -> Result<Output> {
    metadata.check_depth()?;
    metadata.check_size()?;
    let kind = match &options.doubles_of {
        None => OutputKind::Bindings,
        Some(path) => OutputKind::doubles_of(path)?,
    };
    if let Some(path) = &options.types {
        emit::check_module_path(path)?;
    }
    let mut diagnostics = Diagnostics::default();
    let mut modules = NameScope::default();
    let mut models: Vec<_> = (metadata.services.iter())
        .map(|(name, service)| {
            let module = modules.claim(naming::module(name), "_");
            ModuleModel::Service(model::service(name, module, service, catalogue, &mut diagnostics))
        })
        .collect();
    for (name, schema) in &metadata.apps {
        // The module of an app that a service is named like is another.
        let module = modules.claim(naming::module(name), "_");
        match AppModel::new(name, module, schema) {
            Ok(app) => {
                models.push(ModuleModel::App(AppModel { types_module: options.types.clone(), ..app }));
            }
            Err(error) => diagnostics.problems.extend(error.problems().iter().cloned()),
        }
    }
    if options.strict {
        diagnostics.problems.extend(diagnostics.warnings.iter().cloned().map(Problem::Warning));
    }
    Error::check(diagnostics.problems)?;
    let files = match options.layout {
        OutputLayout::SingleFile => vec![single_file(&models, kind)?],
        OutputLayout::FilePerService => file_per_service(&models, kind)?,
    };
    Ok(Output { files, warnings: diagnostics.warnings })
}

fn single_file(models: &[ModuleModel], kind: OutputKind<'_>) -> Result<GeneratedFile> {
    let mut text = HEADER.to_owned();
    text.push_str(&format("the list of names", kind.exports(models))?);
    for module in format_each(models, |model| kind.module(model))? {
        text.push('\n');
        text.push_str(&module);
    }
    Ok(GeneratedFile { name: String::new(), text })
}

fn file_per_service(models: &[ModuleModel], kind: OutputKind<'_>) -> Result<Vec<GeneratedFile>> {
    let texts = format_each(models, |model| kind.items(model))?;
    let mut files: Vec<_> = (models.iter().zip(texts))
        .map(|(model, text)| GeneratedFile {
            name: format!("{}.rs", model.module()),
            text: format!("{HEADER}{text}"),
        })
        .collect();
    let declarations = format("the list of modules", kind.declarations(models))?;
    let exports = format("the list of names", kind.exports(models))?;
    files.push(GeneratedFile {
        name: "mod.rs".to_owned(),
        text: format!("{HEADER}{declarations}\n{exports}"),
    });
    Ok(files)
}

/// Returns `items` as text; `name` says what they are.
fn format(name: &str, items: TokenStream) -> Result<String> {
    format::format(items).map_err(|error| {
        Problem::Metadata(format!("the code for {name} is no Rust, please report it: {error}")).into()
    })
}

/// Returns the text of what `emit` returns for each of `models`, in their order, on all processors.
fn format_each(
    models: &[ModuleModel],
    emit: impl Fn(&ModuleModel) -> TokenStream + Sync,
) -> Result<Vec<String>> {
    let make = |model: &ModuleModel| {
        let name = match model {
            ModuleModel::Service(service) => format!("service `{}`", naming::shown(&service.wire_name)),
            ModuleModel::App(app) => format!("app `{}`", naming::shown(&app.wire_name)),
        };
        format(&name, emit(model))
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(models.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(model) = models.get(index) else {
                return done;
            };
            done.push((index, make(model)));
        }
    };
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| syntax::spawn_parser(scope, work)).collect();
        workers.into_iter().flat_map(syntax::join).collect::<Vec<_>>()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, text)| text).collect()
}
