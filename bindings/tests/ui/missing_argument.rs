use cocaine_bindings::{Storage, StorageClient};

async fn call(storage: StorageClient) -> cocaine::Result<()> {
    storage.read("manifests").await?;
    Ok(())
}

fn main() {}
