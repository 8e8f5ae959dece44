//! Services for apps: regions of addresses, a tree with locks, a cache.

use cocaine::{Bytes, Client};
use cocaine_bindings::{Cache, CacheClient, Geobase, GeobaseClient, Unicorn, UnicornClient};

use crate::step::{Step, check, show, title};

pub(crate) async fn tour(cloud: &Client) -> Step {
    title(6, "Services that an app wants");
    let (geobase, unicorn, cache): (GeobaseClient, UnicornClient, CacheClient) = cloud.services().await?;
    regions(&geobase).await?;
    locks(&unicorn).await?;

    check(cache.get("answer").await?.is_none(), "nothing is cached at first")?;
    cache.put("answer", &Bytes::from("42")).await?;
    let found = cache.get("answer").await?;
    show(format!("cache.get(\"answer\") = {found:?}"));
    check(found.is_some_and(|answer| answer == "42"), "what is cached is found")
}

/// Looks an address up. Without a database, the node knows the addresses for documentation.
async fn regions(geobase: &GeobaseClient) -> Step {
    let region = geobase.region_id("198.51.100.80").await?;
    let mut names = Vec::new();
    for id in geobase.parents(region).await? {
        names.extend(geobase.linguistics_for_region(id, "en").await?.into_iter().next());
    }
    show(format!("geobase: 198.51.100.80 is in {}", names.join(", ")));
    check(names.len() > 2, "a region has others around it")
}

/// Increments a value under a lock while a subscription watches it.
async fn locks(unicorn: &UnicornClient) -> Step {
    let mut changes = unicorn.subscribe("/tour/count");
    let before = changes.recv().await.ok_or("the stream of changes ended")??;
    let lock = unicorn.lock("/tour/lock").await?;
    let count = unicorn.increment("/tour/count", &1.into()).await?;
    drop(lock);
    let seen = changes.recv().await.ok_or("the stream of changes ended")??;
    show(format!(
        "unicorn: /tour/count was at version {}, and is {} at version {}",
        before.version, seen.value, seen.version
    ));
    check(seen == count, "a subscriber sees the change")
}
