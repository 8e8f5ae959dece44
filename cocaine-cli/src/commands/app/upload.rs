//! Uploads an app.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::{Client, schema::AppSchema};
use cocaine_codegen::{AppDifference, compare_apps};

use super::{Describe, connect, print_differences, start_app};
use crate::{
    app_store::{AppStore, Manifest, Uploaded},
    commands::{
        arguments::app_name,
        interruption::{unless_interrupted, until_interrupted},
    },
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    output::{Progress, size},
    package::{BuildOptions, Compression, PROGRAM_KEY, Source, read_manifest},
    program::{Obstacle, find_obstacle},
    schema,
};

/// Uploads a program, a crate, a folder or an archive as an app, with its schema
///
/// Examples:
///
///   cocaine app upload --start                 # the crate or the folder here
///
///   cocaine app upload shortener --program target/release/shortener --start
///
///   cocaine app upload shop ./shop --target x86_64-unknown-linux-musl
///
///   cocaine app upload shop shop.tar.gz --manifest manifest.json
///
/// PATH is the folder of a crate, which is built for release and stripped; another folder, whose manifest.json names the
/// program as "slave"; an archive, which is uploaded as it is; or a program. What `.cocaineignore` names stays out. The
/// program is asked for its schema with `--describe`. Without a schema it is uploaded, too, and called with bytes. A version
/// that breaks callers of the uploaded one is refused, with the differences as a table (exit code 7), unless `--breaking`
/// is given. What is uploaded already is not written again. The last five versions are kept beside it (`--keep`), and
/// `cocaine app rollback` goes back to them.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(in crate::commands) struct Upload {
    /// The name of the app [default: that of the crate, the folder or the file]
    #[arg(add = ArgValueCandidates::new(completion::apps))]
    name: Option<String>,
    /// What to upload: a folder, an archive or a program [default: this folder]
    path: Option<PathBuf>,
    /// The program that its workers run
    #[arg(long, value_name = "PATH", conflicts_with_all = ["path", "crate_folder"])]
    program: Option<PathBuf>,
    /// Build the crate in this folder
    #[arg(long = "crate", value_name = "DIR", conflicts_with = "path")]
    crate_folder: Option<PathBuf>,
    /// Build the crate for this machine, such as x86_64-unknown-linux-musl
    #[arg(long, value_name = "TRIPLE", conflicts_with = "program")]
    target: Option<String>,
    /// Build this program of the crate
    #[arg(long, value_name = "NAME", conflicts_with = "program")]
    bin: Option<String>,
    /// Upload a program that does not run on machines like this one
    #[arg(long)]
    foreign: bool,
    /// Read the keys of the manifest from this file of JSON
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The file of the package that workers run
    #[arg(long, value_name = "PATH", conflicts_with_all = ["program", "crate_folder"])]
    slave: Option<String>,
    /// Read the schema from this file, and do not ask the program
    #[arg(long, value_name = "FILE", conflicts_with = "no_schema")]
    schema: Option<PathBuf>,
    /// Upload without a schema
    #[arg(long)]
    no_schema: bool,
    /// Upload even if callers of the uploaded version break
    #[arg(long)]
    breaking: bool,
    /// How many versions are kept beside this one, to go back to; 0 keeps none
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    keep: usize,
    /// Only show the differences, and say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Start the app, or replace the version that runs
    #[arg(long)]
    start: bool,
    /// The profile to start it with; it is created if it is not there, and not touched if it is
    #[arg(long, value_name = "NAME", default_value = "default", requires = "start", add = ArgValueCandidates::new(completion::profiles))]
    profile: String,
    #[command(flatten)]
    describe: Describe,
}

/// What is to be uploaded, and what it replaces.
struct Prepared {
    name: String,
    cloud: Client,
    store: AppStore,
    former: Uploaded,
    new: Uploaded,
}

pub(super) async fn upload(args: &Upload, environment: &Environment) -> Result<ExitStatus> {
    // An upload that is interrupted writes nothing; one that has begun to write ends.
    let Some(prepared) = unless_interrupted(prepare(args, environment)).await else {
        return Ok(ExitStatus::Interrupted);
    };
    let Prepared { name, cloud, store, former, new } = prepared?;
    if args.dry_run {
        return Ok(ExitStatus::Done);
    }
    if !new.is_same(&former) {
        let size = size(new.package.as_ref().map_or(0, |package| package.len()));
        let progress = Progress::start(format!("sending {size} of {name}"));
        store.switch(&name, &former, &new, args.keep).await?;
        drop(progress);
        environment.output.note(format_args!("{name} is uploaded"));
        if let Err(error) = store.remove_older_versions(&name, &new, args.keep).await {
            environment.output.warn(error);
        }
    }
    if args.start {
        return until_interrupted(async {
            store.create_profile(&args.profile).await?;
            start_app(&cloud, &name, &args.profile, environment).await?;
            environment.output.note(format_args!("{name} is started with the profile {}", args.profile));
            Ok(ExitStatus::Done)
        })
        .await;
    }
    Ok(ExitStatus::Done)
}

/// Does all that writes nothing.
async fn prepare(args: &Upload, environment: &Environment) -> Result<Prepared> {
    let (name, source) = find_source(args)?;
    let options =
        BuildOptions { target: args.target.clone(), bin: args.bin.clone(), ..BuildOptions::default() };
    let mut package = source.pack(&name, &options, Compression::default()).await?;
    if let Some(file) = &args.manifest {
        for (key, value) in read_manifest(file)? {
            package.set_manifest_key(key, value);
        }
    }
    if let Some(slave) = &args.slave {
        package.manifest.insert(PROGRAM_KEY.to_owned(), slave.as_str().into());
    }
    let (cloud, store) = connect(environment).await?;
    let former = store.uploaded(&name).await?;
    let program = package.program(former.manifest.as_ref().and_then(Manifest::program))?;
    let local = package.local_program(&program);
    if let Some(local) = &local {
        check_machine(args, local)?;
    }
    let schema = new_schema(args, environment, local.as_deref()).await?;
    check_callers(args, &name, environment, former.manifest.as_ref(), schema.as_ref())?;
    let manifest = Manifest::new(former.manifest.as_ref(), &package.manifest, &program, schema.as_ref())?;
    let new = Uploaded { package: Some(package.blob), manifest: Some(manifest) };
    if new.is_same(&former) {
        environment.output.note(format_args!("{name} is uploaded already, with the same bytes"));
    } else if args.dry_run {
        environment.output.note(format_args!("would upload {name}: {}", new.changes(&former)));
    }
    Ok(Prepared { name, cloud, store, former, new })
}

/// Returns the name of the app, and what it is made of.
fn find_source(args: &Upload) -> Result<(String, Source)> {
    let (name, source) = match (&args.name, &args.path, &args.program, &args.crate_folder) {
        (name, _, Some(program), _) => (name.as_ref(), Source::Program(program.clone())),
        (name, _, None, Some(folder)) => (name.as_ref(), Source::crate_at(folder)?),
        (name, Some(path), None, None) => (name.as_ref(), Source::at(path)?),
        (None, None, None, None) => (None, Source::at(Path::new("."))?),
        (Some(path), None, None, None) if Path::new(path).exists() => (None, Source::at(Path::new(path))?),
        (Some(name), None, None, None) => {
            return Err(Error::Usage(format!(
                "there is no file or folder {name:?}: name what to upload, such as `cocaine app upload {name} .`"
            )));
        }
    };
    let name = match name {
        Some(name) => name.clone(),
        None => source
            .name()
            .ok_or_else(|| Error::Usage("the app has no name: `cocaine app upload NAME PATH`".to_owned()))?,
    };
    let name = app_name(&name)
        .map_err(|reason| Error::Usage(format!("{name:?} cannot be the name of an app: {reason}")))?;
    Ok((name, source))
}

/// Refuses a program that cannot run on machines like this one, unless that is wanted.
fn check_machine(args: &Upload, program: &Path) -> Result<()> {
    if args.foreign || args.target.is_some() {
        return Ok(());
    }
    match find_obstacle(program).map_err(Error::in_file(program))? {
        Some(Obstacle::Machine(reason)) => Err(Error::in_file(program)(format!(
            "{reason}: nothing is uploaded; `--foreign` uploads it all the same"
        ))),
        _ => Ok(()),
    }
}

/// Returns the schema to upload. A program that cannot say its own is uploaded without one.
async fn new_schema(
    args: &Upload,
    environment: &Environment,
    program: Option<&Path>,
) -> Result<Option<AppSchema>> {
    let schema = match (&args.schema, program) {
        (Some(path), _) => schema::read_file(path)?,
        (None, _) if args.no_schema => return Ok(None),
        (None, None) => {
            environment.output.note("no schema: an archive is not asked for one; `--schema FILE` has it");
            return Ok(None);
        }
        (None, Some(program)) => match schema::describe(program, args.describe.describe_timeout).await {
            Ok(schema) => schema,
            Err(reason) => {
                environment.output.note(format_args!("no schema: {}: {reason}", program.display()));
                return Ok(None);
            }
        },
    };
    schema::check_limits(&schema)?;
    Ok(Some(schema))
}

/// Refuses what breaks callers of the uploaded version.
fn check_callers(
    args: &Upload,
    name: &str,
    environment: &Environment,
    current: Option<&Manifest>,
    new: Option<&AppSchema>,
) -> Result<()> {
    let old = match current.map(Manifest::schema) {
        None => return Ok(()),
        Some(Ok(old)) => old,
        Some(Err(error)) => {
            environment.output.warn(format_args!(
                "the schema of `{name}` cannot be read, so that nothing is compared: {error}"
            ));
            return Ok(());
        }
    };
    match (old, new) {
        (Some(old), Some(new)) => {
            let differences = compare_apps(name, &old, new);
            print_differences(environment, &differences)?;
            let breaks =
                differences.iter().filter(|difference| AppDifference::breaks_callers(difference)).count();
            if breaks == 0 || args.breaking {
                return Ok(());
            }
            Err(Error::Breaking(format!(
                "{breaks} of the differences break callers of the uploaded `{name}`: nothing is uploaded; `--breaking` \
                 uploads it all the same"
            )))
        }
        (Some(_), None) if !args.no_schema && !args.breaking => Err(Error::Breaking(format!(
            "the uploaded `{name}` has a schema, and the new version would have none: nothing is uploaded; give it one with \
             `--schema FILE`, or drop it with `--no-schema`"
        ))),
        _ => Ok(()),
    }
}
