//! A test without a cloud: code that takes the trait is tested with a double of a few lines.
//!
//! Needs nothing: `cargo test -p examples`.

use cocaine::{Bytes, Client, Error, Result};
use cocaine_bindings::{Storage, StorageClient};

/// Returns the greeting of a user: their own, or the usual one.
async fn greeting(storage: &impl Storage, user: &str) -> String {
    match storage.read("greetings", user).await {
        Ok(blob) => String::from_utf8_lossy(&blob).into_owned(),
        Err(_) => "hello".to_owned(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let storage: StorageClient = Client::from_env()?.service().await?;
    println!("{}", greeting(&storage, "ada").await);
    Ok(())
}

/// A storage that holds one blob, and takes nothing.
#[cfg_attr(not(test), allow(dead_code))]
struct Only(&'static str, &'static str);

impl Storage for Only {
    async fn read(&self, _collection: &str, key: &str) -> Result<Bytes> {
        if key == self.0 { Ok(self.1.into()) } else { Err(Error::unbound()) }
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Err(Error::unbound())
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Err(Error::unbound())
    }

    async fn find(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
        Err(Error::unbound())
    }
}

#[tokio::test]
async fn a_user_without_a_greeting_gets_the_usual_one() {
    let storage = Only("ada", "good day");
    assert_eq!(greeting(&storage, "ada").await, "good day");
    assert_eq!(greeting(&storage, "bob").await, "hello");
}
