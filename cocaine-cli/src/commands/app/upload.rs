//! Uploads an app.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;
use cocaine::{Client, schema::AppSchema};
use cocaine_codegen::{AppDifference, compare_apps};

use super::{PackingOptions, connect, print_differences, start_app};
use crate::{
    app_store::{AppStore, Manifest, Uploaded},
    commands::interruption::{unless_interrupted, until_interrupted},
    completion,
    environment::Environment,
    error::{Error, ExitStatus, Result},
    output::{Progress, size},
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
pub(in crate::commands) struct Upload {
    /// The name of the app [default: that of the crate, the folder or the file]
    #[arg(add = ArgValueCandidates::new(completion::apps))]
    name: Option<String>,
    /// What to upload: a folder, an archive or a program [default: this folder]
    path: Option<PathBuf>,
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
    packing: PackingOptions,
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
    let (name, source) = args.packing.find_source(args.name.as_ref(), args.path.as_deref())?;
    let package = args.packing.pack(&name, &source).await?;
    let (cloud, store) = connect(environment).await?;
    let former = store.uploaded(&name).await?;
    let former_manifest = former.manifest.as_ref();
    let (new, schema) = args.packing.complete(package, former_manifest, environment).await?;
    check_callers(args, &name, environment, former_manifest, schema.as_ref())?;
    if new.is_same(&former) {
        environment.output.note(format_args!("{name} is uploaded already, with the same bytes"));
    } else if args.dry_run {
        environment.output.note(format_args!("would upload {name}: {}", new.changes(&former)));
    }
    Ok(Prepared { name, cloud, store, former, new })
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
        (Some(_), None) if !args.packing.no_schema && !args.breaking => Err(Error::Breaking(format!(
            "the uploaded `{name}` has a schema, and the new version would have none: nothing is uploaded; give it one with \
             `--schema FILE`, or drop it with `--no-schema`"
        ))),
        _ => Ok(()),
    }
}
