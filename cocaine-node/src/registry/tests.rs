use std::{net::SocketAddr, pin::pin, sync::Arc, task::Poll};

use cocaine::{Endpoint, ServiceClient, ServiceInfo};
use cocaine_bindings::StorageClient;
use futures_util::poll;
use tokio::task::unconstrained;

use super::{Ended, Link, Registry, Router, Routers, Services, Taken, link::BACKLOG};
use crate::routing::Table;

fn service(port: u16) -> ServiceInfo {
    let endpoint = Endpoint(SocketAddr::from(([127, 0, 0, 1], port)));
    ServiceInfo {
        endpoints: vec![endpoint],
        version: 1,
        graph: <StorageClient as ServiceClient>::SPEC.graph(),
    }
}

fn gone(version: u64) -> ServiceInfo {
    ServiceInfo {
        endpoints: Vec::new(),
        version,
        ..if version == 0 { ServiceInfo::default() } else { service(0) }
    }
}

fn registry() -> Registry {
    Registry::new(["secret".to_owned()])
}

fn services<const N: usize>(entries: [(&str, ServiceInfo); N]) -> Services {
    entries.map(|(name, service)| (name.to_owned(), service)).into()
}

/// Returns all that waits for a consumer.
async fn waiting(link: &mut Link) -> Vec<Services> {
    let mut updates = Vec::new();
    while let Poll::Ready(Ok(update)) = poll!(pin!(unconstrained(link.next()))) {
        updates.push(Services::clone(&update));
    }
    updates
}

#[tokio::test]
async fn a_link_begins_with_all_and_goes_on_with_each_change() {
    let registry = registry();
    let storage = registry.expose("storage", service(1)).unwrap();
    let mut link = registry.link("b");
    assert_eq!(waiting(&mut link).await, [services([("storage", service(1))])]);
    let logging = registry.expose("logging", service(2)).unwrap();
    let ext = registry.publish("ext", service(3));
    drop(storage);
    drop(ext);
    assert_eq!(
        waiting(&mut link).await,
        [
            services([("logging", service(2))]),
            services([("ext", service(3))]),
            services([("storage", gone(1))]),
            services([("ext", gone(0))]),
        ]
    );
    drop(logging);
    assert_eq!(waiting(&mut registry.link("c")).await, [services([])], "all, even if that is nothing");
}

#[tokio::test]
async fn a_consumer_that_waits_is_woken() {
    let registry = registry();
    let mut link = registry.link("b");
    waiting(&mut link).await;
    let woken = tokio::spawn(async move { link.next().await });
    tokio::task::yield_now().await;
    let _storage = registry.expose("storage", service(1)).unwrap();
    assert_eq!(*woken.await.unwrap().unwrap(), services([("storage", service(1))]));
}

#[tokio::test]
async fn restricted_names_resolve_and_are_told_to_nobody() {
    let registry = registry();
    let mut link = registry.link("b");
    let locator = registry.expose("locator", service(1)).unwrap();
    let _secret = registry.expose("secret", service(2)).unwrap();
    let _published = registry.publish("secret", service(3));
    assert_eq!(*registry.resolve("secret").unwrap(), service(2));
    assert_eq!(*registry.resolve("locator").unwrap(), service(1));
    drop(locator);
    assert_eq!(waiting(&mut link).await, [services([])]);
    assert_eq!(waiting(&mut registry.link("c")).await, [services([])]);
}

#[test]
fn only_local_services_resolve_and_each_once() {
    let registry = registry();
    let _ext = registry.publish("ext", service(1));
    assert_eq!(registry.resolve("ext"), None);
    let ext = registry.expose("ext", service(2)).unwrap();
    assert_eq!(registry.expose("ext", service(3)).unwrap_err(), Taken("ext".to_owned()));
    assert_eq!(*registry.resolve("ext").unwrap(), service(2));
    drop(ext);
    assert_eq!(registry.resolve("ext"), None);
    let _again = registry.expose("ext", service(4)).unwrap();
}

#[tokio::test]
async fn what_is_offered_gives_way_and_comes_back() {
    let registry = registry();
    let mut link = registry.link("b");
    waiting(&mut link).await;
    let offered = registry.offer("echo", service(1));
    let published = registry.publish("echo", service(2));
    assert_eq!(*registry.resolve("echo").unwrap(), service(1));
    let local = registry.expose("echo", service(3)).unwrap();
    assert_eq!(*registry.resolve("echo").unwrap(), service(3));
    drop(local);
    assert_eq!(*registry.resolve("echo").unwrap(), service(1));
    drop((offered, published));
    assert_eq!(registry.resolve("echo"), None);
    let told = [service(1), service(3), service(1), service(2), gone(0)];
    assert_eq!(waiting(&mut link).await, told.map(|told| services([("echo", told)])));
}

#[tokio::test]
async fn of_several_publications_the_oldest_shows_and_a_local_service_shadows_them() {
    let registry = registry();
    let mut link = registry.link("b");
    waiting(&mut link).await;
    let first = registry.publish("ext", service(1));
    let second = registry.publish("ext", service(2));
    let third = registry.publish("ext", service(3));
    assert_eq!(waiting(&mut link).await, [services([("ext", service(1))])], "the others are hidden");
    drop(second);
    assert_eq!(waiting(&mut link).await, [], "what was hidden goes unseen");
    drop(first);
    assert_eq!(waiting(&mut link).await, [services([("ext", service(3))])]);
    let local = registry.expose("ext", service(4)).unwrap();
    assert_eq!(waiting(&mut link).await, [services([("ext", service(4))])]);
    assert_eq!(waiting(&mut registry.link("c")).await, [services([("ext", service(4))])]);
    drop(local);
    drop(third);
    assert_eq!(waiting(&mut link).await, [services([("ext", service(3))]), services([("ext", gone(0))])]);
}

#[tokio::test]
async fn a_newer_link_of_the_same_name_replaces_the_older() {
    let registry = registry();
    let mut older = registry.link("b");
    let mut newer = registry.link("b");
    assert_eq!(waiting(&mut older).await.len(), 1);
    assert_eq!(older.next().await, Err(Ended::Replaced));
    drop(older);
    let _ext = registry.publish("ext", service(1));
    assert_eq!(waiting(&mut newer).await.len(), 2, "the end of the older one does not end the newer");
}

#[tokio::test]
async fn a_consumer_that_does_not_read_is_cut_off_and_forgotten() {
    let registry = registry();
    let mut slow = registry.link("slow");
    for _ in 0..BACKLOG {
        drop(registry.publish("ext", service(1)));
    }
    assert!(registry.state().links.is_empty());
    assert_eq!(waiting(&mut slow).await.len(), BACKLOG, "what waited is still there");
    assert_eq!(slow.next().await, Err(Ended::Lagged));
}

#[tokio::test]
async fn nothing_is_kept_of_who_left() {
    let registry = registry();
    for number in 0..100 {
        drop(registry.link(&number.to_string()));
        drop(registry.publish(&number.to_string(), service(1)));
    }
    assert!(registry.state().links.is_empty());
    assert!(registry.state().names.is_empty());
    let routers = Routers::default();
    for number in 0..100 {
        drop(routers.subscribe(&number.to_string(), "peer"));
    }
    assert_eq!(format!("{routers:?}"), "Routers([])");
}

#[tokio::test]
async fn when_the_node_stops_streams_end_and_say_nothing_of_what_goes() {
    let registry = registry();
    let storage = registry.expose("storage", service(1)).unwrap();
    let mut link = registry.link("b");
    registry.stop();
    drop(storage);
    assert_eq!(waiting(&mut link).await.len(), 1);
    assert_eq!(link.next().await, Err(Ended::Stopped));
    assert_eq!(registry.link("late").next().await, Err(Ended::Stopped));
}

fn table(group: &str) -> Table {
    [(group.to_owned(), vec![(1, "member".to_owned())])].into()
}

/// Returns the table that waits for a router, if one does.
async fn told(router: &mut Router) -> Option<Result<Table, Ended>> {
    match poll!(pin!(router.next())) {
        Poll::Ready(next) => Some(next.map(|delivery| Table::clone(&delivery.table))),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_router_is_told_at_once_and_after_each_refresh() {
    let routers = Routers::default();
    let mut router = routers.subscribe("r", "peer");
    assert_eq!(told(&mut router).await, Some(Ok(Table::new())), "even if there is nothing");
    assert_eq!(told(&mut router).await, None);
    for group in ["a", "a", "b"] {
        routers.publish(table(group), "").wait().await;
        assert_eq!(told(&mut router).await, Some(Ok(table(group))), "even if nothing has changed");
        assert_eq!(told(&mut router).await, None);
    }
    assert_eq!(told(&mut routers.subscribe("s", "peer")).await, Some(Ok(table("b"))));
}

#[tokio::test]
async fn a_slow_router_skips_to_the_newest_table() {
    let routers = Routers::default();
    let mut router = routers.subscribe("r", "peer");
    for group in ["a", "b", "c"] {
        routers.publish(table(group), "").wait().await;
    }
    assert_eq!(told(&mut router).await, Some(Ok(table("c"))));
    assert_eq!(told(&mut router).await, None);
}

#[tokio::test]
async fn a_router_that_waits_is_woken() {
    let routers = Routers::default();
    let mut router = routers.subscribe("r", "peer");
    told(&mut router).await;
    let woken =
        tokio::spawn(async move { router.next().await.map(|delivery| Table::clone(&delivery.table)) });
    tokio::task::yield_now().await;
    routers.publish(table("a"), "").wait().await;
    assert_eq!(woken.await.unwrap(), Ok(table("a")));
}

#[tokio::test]
async fn a_refresh_waits_for_the_routers_of_its_own_connection() {
    let routers = Routers::default();
    let mut own = routers.subscribe("own", "peer");
    let mut other = routers.subscribe("other", "somebody");
    let (_, _) = (told(&mut own).await, told(&mut other).await);
    let mut first = pin!(routers.publish(table("a"), "peer").wait());
    assert!(poll!(first.as_mut()).is_pending());
    let mut second = pin!(routers.publish(table("b"), "peer").wait());
    let delivery = own.next().await.unwrap();
    assert!(poll!(first.as_mut()).is_pending(), "taken is not told");
    assert!(poll!(second.as_mut()).is_pending());
    drop(delivery);
    first.await;
    second.await;

    let mut third = pin!(routers.publish(table("c"), "peer").wait());
    assert!(poll!(third.as_mut()).is_pending());
    drop(own);
    third.await;
    routers.publish(table("d"), "peer").wait().await;
}

#[tokio::test]
async fn a_newer_router_of_the_same_name_replaces_the_older_and_stopping_ends_all() {
    let routers = Routers::default();
    let mut older = routers.subscribe("r", "peer");
    let mut newer = routers.subscribe("r", "peer");
    assert_eq!(told(&mut older).await, Some(Err(Ended::Replaced)));
    drop(older);
    routers.publish(table("a"), "").wait().await;
    assert_eq!(told(&mut newer).await, Some(Ok(table("a"))));
    routers.stop();
    assert_eq!(told(&mut newer).await, Some(Err(Ended::Stopped)));
    assert_eq!(told(&mut newer).await, Some(Err(Ended::Stopped)), "for good");
    assert_eq!(told(&mut routers.subscribe("late", "peer")).await, Some(Err(Ended::Stopped)));
}

#[tokio::test]
async fn updates_are_shared_between_consumers() {
    let registry = registry();
    let (mut one, mut other) = (registry.link("one"), registry.link("other"));
    assert_eq!(one.next().await.unwrap(), other.next().await.unwrap());
    let _ext = registry.publish("ext", service(1));
    assert!(Arc::ptr_eq(&one.next().await.unwrap(), &other.next().await.unwrap()));
}
