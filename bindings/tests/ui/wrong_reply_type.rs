use cocaine_bindings::{Storage, StorageClient};

async fn call(storage: StorageClient) -> cocaine::Result<()> {
    let keys: Vec<u64> = storage.find("manifests", &["app"]).await?;
    Ok(())
}

fn main() {}
