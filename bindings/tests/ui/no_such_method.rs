use cocaine_bindings::StorageClient;

async fn call(storage: StorageClient) -> cocaine::Result<()> {
    storage.sweep("manifests").await?;
    Ok(())
}

fn main() {}
