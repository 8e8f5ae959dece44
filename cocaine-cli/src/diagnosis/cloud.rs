//! Locators and services: whether they are there, and whether they are those that this program knows.

use std::time::{Duration, Instant};

use cocaine::{Client, ServiceClient, bind::ServiceInfo};
use cocaine_bindings::{LocatorClient, LoggingClient, NodeClient, StorageClient, UnicornClient};
use tokio::{net::TcpStream, time::timeout};

use super::Finding;
use crate::{environment::Environment, error::Result};

/// How long each step of a check may take.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// Checks the locators, and returns whether one of them answers. No token is sent.
pub(super) async fn check_locators(environment: &Environment, findings: &mut Vec<Finding>) -> Result<bool> {
    let limit = environment.timeout_or(LIMIT)?;
    let mut is_reachable = false;
    for address in environment.locators()? {
        let finding = check_locator(&address, limit).await;
        is_reachable |= !finding.is_failed();
        findings.push(finding);
    }
    Ok(is_reachable)
}

async fn check_locator(address: &str, limit: Duration) -> Finding {
    let advice = "is a node running there? `cocaine node` starts one; `--locator HOST:PORT` names another";
    let failed = |found: String| Finding::failed("locator", address, found, advice);
    let locator = match Client::builder(address) {
        Ok(builder) => builder.build(),
        Err(error) => return failed(error.to_string()),
    };
    let since = Instant::now();
    match timeout(limit, locator.resolve("locator", None)).await {
        Err(_) => failed(format!("it does not answer within {limit:?}")),
        // A locator that knows no such name answers, too.
        Ok(Err(error)) if error.code().is_none() => failed(error.to_string()),
        Ok(_) => Finding::ok("locator", address, format!("answers after {} ms", since.elapsed().as_millis())),
    }
}

/// Checks the services that the commands use.
pub(super) async fn check_services(cloud: &Client, limit: Duration, findings: &mut Vec<Finding>) {
    check_service::<LocatorClient>(cloud, limit, findings).await;
    check_service::<StorageClient>(cloud, limit, findings).await;
    check_service::<NodeClient>(cloud, limit, findings).await;
    check_service::<LoggingClient>(cloud, limit, findings).await;
    check_service::<UnicornClient>(cloud, limit, findings).await;
}

async fn check_service<S: ServiceClient>(cloud: &Client, limit: Duration, findings: &mut Vec<Finding>) {
    let name = S::SPEC.name;
    let info = match timeout(limit, cloud.resolve(name, None)).await {
        Ok(Ok(info)) => info,
        Ok(Err(error)) => {
            let advice = format!("commands that use `{name}` fail: see the configuration of the node");
            findings.push(Finding::warning("service", name, error.to_string(), advice));
            return;
        }
        Err(_) => {
            let found = format!("the locator does not answer within {limit:?}");
            findings.push(Finding::failed("service", name, found, "see the log of the node"));
            return;
        }
    };
    let before = findings.len();
    findings.extend(drift::<S>(&info));
    for endpoint in &info.endpoints {
        let connected = timeout(limit, TcpStream::connect(endpoint.0)).await;
        let error = match connected {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no connection within {limit:?}"),
        };
        let advice = "the node announces an address that is not reachable from here: see `hostname` and `network` of its \
                      configuration";
        findings.push(Finding::failed("service", name, format!("{}: {error}", endpoint.0), advice));
    }
    if findings.len() == before {
        let found = format!("version {}, {} endpoints", info.version, info.endpoints.len());
        findings.push(Finding::ok("service", name, found));
    }
}

/// Returns how a service differs from what this program knows of it.
fn drift<S: ServiceClient>(info: &ServiceInfo) -> Option<Finding> {
    let spec = S::SPEC;
    let has = |name: &str| info.graph.entries().iter().any(|method| &*method.name == name);
    let missing: Vec<_> = spec.methods.iter().map(|method| method.name).filter(|name| !has(name)).collect();
    let found = match (missing.is_empty(), info.version == spec.version) {
        (true, true) => return None,
        (true, false) => format!("has version {}, and not {}", info.version, spec.version),
        (false, _) => format!("lacks the methods {}", missing.join(", ")),
    };
    let advice = "calls of what differs fail: use a `cocaine` of the version of the cloud";
    Some(Finding::warning("service", spec.name, found, advice))
}
