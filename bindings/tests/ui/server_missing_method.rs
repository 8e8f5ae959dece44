use cocaine::{Bytes, Result};
use cocaine_bindings::Storage;

struct Memory;

impl Storage for Memory {
    async fn read(&self, _: &str, _: &str) -> Result<Bytes> {
        Ok(Bytes::default())
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}

fn main() {}
