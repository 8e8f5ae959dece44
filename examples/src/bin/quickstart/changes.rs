//! What finds a change of an event: the comparison of schemas, before it is uploaded, and the compiler, in its callers.

use std::{env, fs, path::Path, process::Command};

use cocaine::schema::{AppSchema, ArgumentSchema, Type};
use cocaine_codegen::{
    AppDifference, Catalogue, Metadata, Options, compare_apps, difference_table, generate,
};

use crate::{
    program::BuiltProgram,
    step::{Step, check, show, title},
};

/// Calls `greet` as it is.
const CALLER: &str = r#"
pub async fn greet(
    greeter: &greeter::GreeterClient,
) -> core::result::Result<greeter::Greeting, greeter::GreetError> {
    greeter.greet("Ada").await
}
"#;

pub(crate) fn tour(program: &BuiltProgram, schema: &AppSchema) -> Step {
    title(12, "From the schema a caller is generated");
    let text = client(schema)?;
    let start = text.find("pub trait Greeter").ok_or("there is no trait for the app")?;
    let signature = text[start..].lines().map(|line| line.strip_prefix("    ").unwrap_or(line));
    signature.take_while(|line| !line.is_empty()).for_each(show);
    let folder = tempfile::tempdir()?;
    let errors = compile(program, folder.path(), &text)?;
    check(errors.is_empty(), "a caller compiles")?;

    title(13, "An event changes: the comparison and the compiler both say what breaks");
    let mut changed = schema.clone();
    let greet = changed.events.get_mut("greet").ok_or("the app greets nobody")?;
    greet.arguments.push(ArgumentSchema { name: "language".to_owned(), ty: Type::Text });
    let differences = compare_apps("greeter", schema, &changed);
    difference_table(&differences).lines().for_each(show);
    let breaking = differences.iter().any(AppDifference::breaks_callers);
    check(breaking, "`cocaine app upload` refuses what breaks callers")?;

    let errors = compile(program, folder.path(), &client(&changed)?)?;
    errors.lines().take_while(|line| !line.is_empty()).take(9).for_each(show);
    check(errors.contains("this method takes 2 arguments"), "the compiler refuses the caller")
}

/// Returns what `cocaine-codegen --app greeter` writes.
fn client(schema: &AppSchema) -> Result<String, cocaine_codegen::Error> {
    let mut metadata = Metadata::default();
    metadata.apps.insert("greeter".to_owned(), schema.clone());
    let output = generate(&metadata, &Catalogue::builtin(), &Options::default())?;
    Ok(output.files.into_iter().map(|file| file.text).collect())
}

/// Compiles the caller with this client; returns the errors, an empty text if there are none.
fn compile(
    program: &BuiltProgram,
    folder: &Path,
    client: &str,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let source = folder.join("caller.rs");
    fs::write(&source, format!("{client}{CALLER}"))?;
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into()));
    rustc.args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "caller.rs"]);
    rustc.arg(format!("--extern=cocaine={}", program.runtime.display()));
    for dependencies in program.runtime.ancestors().skip(1).take(2).map(|folder| folder.join("deps")) {
        rustc.arg(format!("-Ldependency={}", dependencies.display()));
    }
    let output = rustc.current_dir(folder).output()?;
    Ok(if output.status.success() { String::new() } else { String::from_utf8(output.stderr)? })
}
