//! Tests without a cloud: code that is generic over the traits of services is tested with doubles.
//!
//! Needs no node: `cargo test -p examples --example double`.

use cocaine::{Client, Result};
use cocaine_bindings::{App, AppClient, Storage, StorageClient};

/// Returns the greeting that is stored for the user, or the default one, with the full name from the app `names`.
async fn greeting(storage: &impl Storage, names: &impl App, user: &str) -> Result<String> {
    let greeting = match storage.read("greetings", user).await {
        Ok(blob) => String::from_utf8_lossy(&blob).into_owned(),
        Err(error) if error.is_not_found() => "hello".to_owned(), // not found
        Err(error) => return Err(error),
    };
    let mut event = names.enqueue("full", None).await?;
    event.send(user).await?;
    let name = event.recv().await.transpose()?.unwrap_or_default();
    Ok(format!("{greeting} {}", String::from_utf8_lossy(&name)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cloud = Client::from_env()?;
    let storage: StorageClient = cloud.service().await?;
    let names: AppClient = cloud.service_named("names").await?;
    println!("{}", greeting(&storage, &names, "ada").await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use cocaine::{Code, Error};
    use cocaine_bindings::doubles::{AppDouble, StorageDouble};

    use super::*;

    #[tokio::test]
    async fn user_without_greeting_gets_the_default() {
        let (storage, names) = (StorageDouble::new(), AppDouble::new());
        storage.expect_read().with("greetings", "ada").returns("good day");
        storage.expect_read().with("greetings", "bob").fails(Error::service(Code::NOT_FOUND, "gone"));
        names.expect_enqueue().with("full", None).streams(["Ada Lovelace"]).times(2);
        assert_eq!(greeting(&storage, &names, "ada").await.unwrap(), "good day Ada Lovelace");
        assert_eq!(greeting(&storage, &names, "bob").await.unwrap(), "hello Ada Lovelace");
    }

    #[tokio::test]
    async fn names_app_receives_the_user() {
        let (storage, names) = (StorageDouble::new(), AppDouble::new());
        storage.expect_read().returns("hi");
        names.expect_enqueue().runs(|mut user, mut name| async move {
            assert_eq!(user.recv().await.unwrap()?, "bob");
            name.send("Bob Frankston").await
        });
        assert_eq!(greeting(&storage, &names, "bob").await.unwrap(), "hi Bob Frankston");
    }
}
