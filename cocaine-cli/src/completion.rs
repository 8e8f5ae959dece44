//! Names of a cloud for a shell that completes a command line.
//!
//! A person waits for the answer at a prompt: what is not there within [`LIMIT`] is left out, and no error is shown.

mod cache;

use std::{env, ffi::OsString, time::Duration};

use clap_complete::CompletionCandidate;
use cocaine::{Client, Result as CloudResult, schema::AppSchema};
use cocaine_bindings::{Locator as _, LocatorClient, Storage as _, StorageClient};
use tokio::{runtime::Builder, time::timeout};

use crate::{
    environment::{Environment, GlobalOptions},
    error::Result,
    node_apps::NodeApps,
    records::{RecordKind, Records},
};

/// How long a shell waits.
const LIMIT: Duration = Duration::from_millis(300);
/// The most names that a shell gets.
const MAX_NAMES: usize = 1_000;

/// Names of a kind.
#[derive(Clone, Debug)]
enum NameKind {
    Apps,
    Services,
    /// What a collection has.
    Records(RecordKind),
    /// Methods of a service, and events of an app.
    Methods(String),
}

/// Returns the apps that are uploaded or run.
pub(crate) fn apps() -> Vec<CompletionCandidate> {
    candidates(&NameKind::Apps)
}

/// Returns the routing groups.
pub(crate) fn groups() -> Vec<CompletionCandidate> {
    records(RecordKind::GROUP)
}

/// Returns the profiles.
pub(crate) fn profiles() -> Vec<CompletionCandidate> {
    records(RecordKind::PROFILE)
}

/// Returns the runlists.
pub(crate) fn runlists() -> Vec<CompletionCandidate> {
    records(RecordKind::RUNLIST)
}

/// Returns the records of a kind.
pub(crate) fn records(kind: RecordKind) -> Vec<CompletionCandidate> {
    candidates(&NameKind::Records(kind))
}

/// Returns the services, and the apps that run.
pub(crate) fn services() -> Vec<CompletionCandidate> {
    candidates(&NameKind::Services)
}

/// Returns the methods of a service, or those of an app and its events.
pub(crate) fn methods(target: &str) -> Vec<CompletionCandidate> {
    candidates(&NameKind::Methods(target.to_owned()))
}

/// Returns the words of the command line before the one that a shell completes.
pub(crate) fn words_before() -> Vec<OsString> {
    let words: Vec<_> = env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let index = env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    let index = index.unwrap_or_else(|| words.len().saturating_sub(1));
    words.into_iter().take(index).collect()
}

fn candidates(kind: &NameKind) -> Vec<CompletionCandidate> {
    let words: Vec<_> = env::args_os().filter_map(|word| word.into_string().ok()).collect();
    let environment = Environment::new(GlobalOptions::from_words(&words));
    names(&environment, kind).into_iter().map(CompletionCandidate::new).collect()
}

/// Returns names from the cache or the cloud. A cloud that does not answer has none, and is not asked again for as long as the cache lasts.
fn names(environment: &Environment, kind: &NameKind) -> Vec<String> {
    let Ok(locators) = environment.locators() else { return Vec::new() };
    let entry = cache::Entry::open(&locators, &format!("{kind:?}"));
    if let Some(names) = entry.as_ref().and_then(cache::Entry::read) {
        return names;
    }
    let mut names = ask(environment, kind).unwrap_or_default();
    names.retain(|name| is_plain(name));
    names.sort_unstable();
    names.dedup();
    names.truncate(MAX_NAMES);
    if let Some(entry) = entry {
        entry.write(&names);
    }
    names
}

/// Returns whether a shell takes a name as it is: it comes from the cloud, and is put into a command line.
fn is_plain(name: &str) -> bool {
    let is_plain = |character: char| character.is_alphanumeric() || "._-:@+/".contains(character);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain)
}

fn ask(environment: &Environment, kind: &NameKind) -> Option<Vec<String>> {
    let cloud = environment.cloud().ok()?;
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let names = runtime.block_on(async { timeout(LIMIT, fetch(&cloud, kind, environment)).await.ok() });
    // The resolver of the system may take longer.
    runtime.shutdown_background();
    names
}

async fn fetch(cloud: &Client, kind: &NameKind, environment: &Environment) -> Vec<String> {
    let running_apps = async { NodeApps::connect(cloud, environment, LIMIT).await?.names().await };
    match kind {
        NameKind::Apps => {
            let uploaded = record_names(cloud, RecordKind::MANIFEST, environment);
            let (uploaded, running) = tokio::join!(uploaded, running_apps);
            [uploaded.unwrap_or_default(), running.unwrap_or_default()].concat()
        }
        NameKind::Records(kind) => record_names(cloud, *kind, environment).await.unwrap_or_default(),
        NameKind::Services => {
            let (services, running) = tokio::join!(announced_services(cloud), running_apps);
            [services.unwrap_or_default(), running.unwrap_or_default()].concat()
        }
        NameKind::Methods(target) => {
            let (methods, events) = tokio::join!(methods_of(cloud, target), events_of(cloud, target));
            [methods.unwrap_or_default(), events.unwrap_or_default()].concat()
        }
    }
}

async fn methods_of(cloud: &Client, service: &str) -> CloudResult<Vec<String>> {
    let info = cloud.resolve(service, None).await?;
    Ok(info.graph.methods().map(|method| method.name.to_string()).collect())
}

async fn events_of(cloud: &Client, app: &str) -> CloudResult<Vec<String>> {
    let storage: StorageClient = cloud.service().await?;
    let schema = AppSchema::from_manifest(&storage.read("manifests", app).await?)?;
    Ok(schema.into_iter().flat_map(|schema| schema.events.into_keys()).collect())
}

async fn record_names(cloud: &Client, kind: RecordKind, environment: &Environment) -> Result<Vec<String>> {
    let storage: StorageClient = environment.service(cloud).await?;
    Records::new(&storage, kind, LIMIT).names().await
}

/// Returns the services that the locator announces. One without a cluster announces none.
async fn announced_services(cloud: &Client) -> CloudResult<Vec<String>> {
    let locator: LocatorClient = cloud.service().await?;
    let mut announcements = locator.connect(&format!("cocaine-completion-{}", std::process::id()));
    let services = match announcements.recv().await {
        Some(announcement) => announcement?.1,
        None => return Ok(Vec::new()),
    };
    Ok(services.into_iter().filter(|(_, info)| !info.endpoints.is_empty()).map(|(name, _)| name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_shells_act_on_are_refused() {
        for name in ["shop", "shop_v1.2", "a/b:c@d+e", "käse"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "-rf", "$(reboot)", "a b", "a;b", "a\nb", "`a`", "a'b", "a*", "~"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
