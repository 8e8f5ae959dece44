//! Tests without a cloud: code that is generic over the traits of services and apps is tested with doubles.
//!
//! Needs no node: `cargo test -p examples --example double`. The double of the app is what `cocaine-codegen` writes with
//! `--doubles-of`, from the same schema as the client.

#[cfg(test)]
#[rustfmt::skip]
mod app_doubles;

use cocaine::{Client, Result};
use cocaine_bindings::{Storage, StorageClient};
use examples::clients::{LinkError, Shortener, ShortenerClient};

/// Returns what a user sends to friends: the greeting that is stored for the user, or the default one, and a short link.
async fn invitation(
    storage: &impl Storage,
    shortener: &impl Shortener,
    user: &str,
    url: &str,
) -> Result<String> {
    let greeting = match storage.read("greetings", user).await {
        Ok(blob) => String::from_utf8_lossy(&blob).into_owned(),
        Err(error) if error.is_not_found() => "hello".to_owned(),
        Err(error) => return Err(error),
    };
    match shortener.shorten(url, None).await {
        Ok(link) => Ok(format!("{greeting}, see /{}", link.slug)),
        // The compiler knows what the app declares.
        Err(LinkError::InvalidTarget(_)) => Ok(format!("{greeting}, see {url}")),
        Err(error) => Err(error.into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cloud = Client::from_env()?;
    let storage: StorageClient = cloud.service().await?;
    let shortener: ShortenerClient = cloud.service().await?;
    println!("{}", invitation(&storage, &shortener, "ada", "https://example.org").await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use cocaine::{Code, Error};
    use cocaine_bindings::doubles::StorageDouble;
    use examples::clients::Link;

    use super::{app_doubles::ShortenerDouble, *};

    fn link() -> Link {
        Link { slug: "s1".to_owned(), target: "https://example.org".to_owned(), ttl: None }
    }

    #[tokio::test]
    async fn user_without_greeting_gets_the_default() {
        let (storage, shortener) = (StorageDouble::new(), ShortenerDouble::new());
        storage.expect_read().with("greetings", "ada").returns("good day");
        storage.expect_read().with("greetings", "bob").fails(Error::service(Code::NOT_FOUND, "gone"));
        shortener.expect_shorten().with("https://example.org", None).returns(link()).times(2);
        let invite =
            async |user| invitation(&storage, &shortener, user, "https://example.org").await.unwrap();
        assert_eq!(invite("ada").await, "good day, see /s1");
        assert_eq!(invite("bob").await, "hello, see /s1");
    }

    #[tokio::test]
    async fn refused_link_is_sent_as_it_is() {
        let (storage, shortener) = (StorageDouble::new(), ShortenerDouble::new());
        storage.expect_read().returns("hi");
        shortener.expect_shorten().fails(LinkError::invalid_target("no URL"));
        assert_eq!(invitation(&storage, &shortener, "ada", "ftp:x").await.unwrap(), "hi, see ftp:x");
    }
}
