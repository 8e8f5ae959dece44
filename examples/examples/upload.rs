//! Uploads a program as an app and starts it: `cargo run --example upload -- NAME PROGRAM`. A running app
//! of that name is stopped first.
//!
//! Needs a node: `cargo run --bin cocaine-node`. The program is a worker, such as the example `echo`.

use std::{env, error::Error};

use cocaine::{Bytes, Client, Code, Value, msgpack};
use cocaine_bindings::{Node, NodeClient, Storage, StorageClient};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [app, program] = args.as_slice() else { return Err("usage: upload NAME PROGRAM".into()) };
    let (storage, node): (StorageClient, NodeClient) = Client::from_env()?.services().await?;

    // The package is a tar archive, which may be compressed with gzip.
    let mut package = tar::Builder::new(Vec::new());
    package.sparse(false);
    package.append_path_with_name(program, app)?;
    store(&storage, "apps", app, &Bytes::from(package.into_inner()?), "app").await?;

    // The manifest says which file of the package to run; the profile says how.
    let manifest = Value::Map(vec![("slave".into(), app.as_str().into())]);
    store(&storage, "manifests", app, &manifest, "app").await?;
    create_profile(&storage).await?;

    match node.pause_app(app).await {
        Err(error) if error.code() != Some(Code::NOT_RUNNING) => return Err(error.into()),
        _ => {}
    }
    node.start_app(app, "default").await?;
    println!("{app} is started; the first event starts a worker");
    Ok(())
}

/// Stores the profile `default` unless there is one. An original runtime has this isolate without another daemon; to the
/// embedded node it is what it uses anyway.
async fn create_profile(storage: &StorageClient) -> Result<(), Box<dyn Error>> {
    match storage.read("profiles", "default").await {
        Err(error) if error.is_not_found() => {
            let isolate = Value::Map(vec![("type".into(), "legacy_process".into())]);
            let profile = Value::Map(vec![("isolate".into(), isolate)]);
            Ok(store(storage, "profiles", "default", &profile, "profile").await?)
        }
        found => Ok(found.map(drop)?),
    }
}

async fn store(
    storage: &StorageClient,
    collection: &str,
    key: &str,
    value: &impl serde::Serialize,
    tag: &str,
) -> cocaine::Result<()> {
    let blob = Bytes::from(msgpack::to_vec(value)?);
    storage.write(collection, key, &blob, Some(&[tag])).await
}
