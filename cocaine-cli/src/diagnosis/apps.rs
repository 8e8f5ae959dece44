//! Apps that do not run, and why; what they need and is not there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cocaine::{Client, Result as CloudResult, ServiceClient as _, Value, msgpack};
use cocaine_bindings::{Node as _, NodeClient, Storage as _, StorageClient};
use tokio::task::JoinSet;

use super::{Finding, versions};

/// How many apps are asked for at a time.
const MAX_CALLS: usize = 25;
/// The flags of `info` with the report and the manifest.
const REPORT: u32 = 3;
/// How many lines of a crashlog are shown.
const LAST_LINES: usize = 3;

pub(super) async fn check(cloud: &Client, limit: Duration, findings: &mut Vec<Finding>) {
    if let Err(error) = check_all(cloud, limit, findings).await {
        findings.push(Finding::failed("app", "all", error.to_string(), "see the log of the node"));
    }
}

async fn check_all(cloud: &Client, limit: Duration, findings: &mut Vec<Finding>) -> CloudResult<()> {
    let storage = cloud.service::<StorageClient>().await?.with_deadline(limit);
    let node = cloud.service::<NodeClient>().await?.with_deadline(limit);
    let running = node.list().await?;
    let running: BTreeSet<String> =
        running.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let profiles: BTreeSet<_> = storage.find("profiles", &["profile"]).await?.into_iter().collect();
    let manifests: BTreeSet<_> = storage.find("manifests", &["app"]).await?.into_iter().collect();
    for app in running.difference(&manifests) {
        let found = "its manifest has no tag `app`, so that it is in no list of apps";
        findings.push(Finding::warning("manifest", app, found, "upload it with `cocaine app upload`"));
    }
    check_runlists(&storage, &running, &profiles, findings).await?;
    for (app, info) in infos(&node, &running).await {
        if let Ok(info) = &info {
            findings.extend(versions::check_manifest(&storage, &app, info).await?);
        }
        findings.extend(versions::check_crashes(&storage, &app).await?);
        let finding = match info {
            Ok(info) => check_app(&app, &info),
            Err(error) => Finding::failed("app", &app, error.to_string(), "see the log of the node"),
        };
        findings.push(if finding.is_failed() {
            with_crashlog(&storage, &app, finding).await
        } else {
            finding
        });
    }
    Ok(())
}

/// Checks that what a node is to start at its own start runs, and that there are the profiles for it.
async fn check_runlists(
    storage: &StorageClient,
    running: &BTreeSet<String>,
    profiles: &BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> CloudResult<()> {
    for runlist in storage.find("runlists", &["runlist"]).await? {
        let read = storage.read("runlists", &runlist).await?;
        let Ok(apps) = msgpack::from_slice::<BTreeMap<String, String>>(&read) else {
            let found = "it is no map of apps and their profiles";
            findings.push(Finding::failed("runlist", &runlist, found, "write it anew"));
            continue;
        };
        for (app, profile) in apps {
            let subject = format!("{runlist}: {app}");
            if !profiles.contains(&profile) {
                let found = format!("there is no profile `{profile}`");
                findings.push(Finding::failed(
                    "runlist",
                    &subject,
                    found,
                    "write the profile, with the tag `profile`",
                ));
            } else if !running.contains(&app) {
                let advice = "start it; the log of the node says why it has not been started";
                findings.push(Finding::warning("runlist", &subject, "it does not run", advice));
            }
        }
    }
    Ok(())
}

/// Returns what the node says of each app. No more than [`MAX_CALLS`] calls run at a time.
async fn infos(node: &NodeClient, apps: &BTreeSet<String>) -> BTreeMap<String, CloudResult<Value>> {
    let (mut infos, mut calls) = (BTreeMap::new(), JoinSet::new());
    for app in apps {
        if calls.len() == MAX_CALLS {
            infos.extend(calls.join_next().await.and_then(Result::ok));
        }
        let (node, app) = (node.clone(), app.clone());
        calls.spawn(async move {
            let info = node.info(&app, Some(REPORT)).await;
            (app, info)
        });
    }
    infos.extend(calls.join_all().await);
    infos
}

fn check_app(app: &str, info: &Value) -> Finding {
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let state = text(info, "state");
    if let Some(failure) = info.get("failure") {
        let output = text(failure, "output");
        let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let found = format!("its workers do not start: {}: {last}", text(failure, "reason"));
        return Finding::failed("app", app, found.trim_end_matches(": "), "mend it, and upload it again");
    }
    match state.as_str() {
        "running" => {}
        "spooling" => return Finding::ok("app", app, "is being started"),
        _ => {
            let found = format!("is {state}: {}", text(info, "cause"));
            return Finding::failed(
                "app",
                app,
                found,
                "stop it, mend what its cause says, and start it again",
            );
        }
    }
    let warnings = info.get("warnings").and_then(Value::as_array).unwrap_or_default();
    let warnings: Vec<_> = warnings.iter().filter_map(Value::as_str).collect();
    if warnings.is_empty() {
        Finding::ok("app", app, "runs")
    } else {
        Finding::warning("app", app, warnings.join("; "), "correct its manifest or profile")
    }
}

/// Adds the last lines of the newest crashlog, if there is one.
async fn with_crashlog(storage: &StorageClient, app: &str, mut finding: Finding) -> Finding {
    let Ok(keys) = storage.find("crashlogs", &[app]).await else { return finding };
    let Some(key) = keys.last() else { return finding };
    let Ok(read) = storage.read("crashlogs", key).await else { return finding };
    let Ok(lines) = msgpack::from_slice::<Vec<Value>>(&read) else { return finding };
    let lines: Vec<_> = lines.iter().filter_map(Value::as_str).map(str::trim_end).collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join(" / ");
    finding.found = format!("{}; the last lines of its last crashlog: {last}", finding.found);
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Verdict;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
    }

    #[test]
    fn app_that_does_not_run_says_why() {
        let failure = map(&[("output", "a\nno such table\n\n".into()), ("reason", "it has ended".into())]);
        let warnings = Value::Array(vec!["unknown key".into()]);
        for (info, verdict, words) in [
            (map(&[("state", "running".into())]), Verdict::Ok, "runs"),
            (
                map(&[("state", "running".into()), ("failure", failure)]),
                Verdict::Failed,
                "it has ended: no such table",
            ),
            (map(&[("state", "running".into()), ("warnings", warnings)]), Verdict::Warning, "unknown key"),
            (
                map(&[("state", "broken".into()), ("cause", "Connection refused".into())]),
                Verdict::Failed,
                "is broken: Connection refused",
            ),
            (Value::Nil, Verdict::Failed, "is : "),
        ] {
            let finding = check_app("shop", &info);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.found.contains(words), "{finding:?}");
        }
    }
}
