use std::{net::SocketAddr, pin::pin, sync::Arc, task::Poll};

use cocaine::{Endpoint, ServiceClient, ServiceInfo};
use cocaine_bindings::StorageClient;
use futures_util::poll;
use tokio::task::unconstrained;

use super::{
    NameTakenError, Registry, RouterSubscription, Routers, ServiceMap, ServiceUpdates, SubscriptionError,
    updates::MAX_PENDING_UPDATES,
};
use crate::registry::routing::RoutingTable;

fn service(port: u16) -> ServiceInfo {
    let endpoint = Endpoint(SocketAddr::from(([127, 0, 0, 1], port)));
    ServiceInfo {
        endpoints: vec![endpoint],
        version: 1,
        graph: <StorageClient as ServiceClient>::SPEC.graph(),
    }
}

fn withdrawn(version: u64) -> ServiceInfo {
    ServiceInfo {
        endpoints: Vec::new(),
        version,
        ..if version == 0 { ServiceInfo::default() } else { service(0) }
    }
}

fn registry() -> Registry {
    Registry::new(["secret".to_owned()])
}

fn services<const N: usize>(entries: [(&str, ServiceInfo); N]) -> ServiceMap {
    entries.map(|(name, service)| (name.to_owned(), service)).into()
}

/// Returns the updates that are queued for a subscriber.
async fn queued_updates(updates: &mut ServiceUpdates) -> Vec<ServiceMap> {
    let mut received = Vec::new();
    while let Poll::Ready(Ok(update)) = poll!(pin!(unconstrained(updates.next()))) {
        received.push(ServiceMap::clone(&update));
    }
    received
}

#[tokio::test]
async fn subscription_starts_with_all_services() {
    let registry = registry();
    let storage = registry.register_local("storage", service(1)).unwrap();
    let mut updates = registry.subscribe("b");
    assert_eq!(queued_updates(&mut updates).await, [services([("storage", service(1))])]);
    let logging = registry.register_local("logging", service(2)).unwrap();
    let ext = registry.publish("ext", service(3));
    drop(storage);
    drop(ext);
    assert_eq!(
        queued_updates(&mut updates).await,
        [
            services([("logging", service(2))]),
            services([("ext", service(3))]),
            services([("storage", withdrawn(1))]),
            services([("ext", withdrawn(0))]),
        ]
    );
    drop(logging);
    assert_eq!(
        queued_updates(&mut registry.subscribe("c")).await,
        [services([])],
        "a subscription starts even without services"
    );
}

#[tokio::test]
async fn waiting_subscriber_is_woken() {
    let registry = registry();
    let mut updates = registry.subscribe("b");
    queued_updates(&mut updates).await;
    let woken = tokio::spawn(async move { updates.next().await });
    tokio::task::yield_now().await;
    let _storage = registry.register_local("storage", service(1)).unwrap();
    assert_eq!(*woken.await.unwrap().unwrap(), services([("storage", service(1))]));
}

#[tokio::test]
async fn restricted_names_resolve_but_are_hidden() {
    let registry = registry();
    let mut updates = registry.subscribe("b");
    let locator = registry.register_local("locator", service(1)).unwrap();
    let _secret = registry.register_local("secret", service(2)).unwrap();
    let _published = registry.publish("secret", service(3));
    assert_eq!(*registry.resolve("secret").unwrap(), service(2));
    assert_eq!(*registry.resolve("locator").unwrap(), service(1));
    drop(locator);
    assert_eq!(queued_updates(&mut updates).await, [services([])]);
    assert_eq!(queued_updates(&mut registry.subscribe("c")).await, [services([])]);
}

#[test]
fn only_local_services_resolve() {
    let registry = registry();
    let _ext = registry.publish("ext", service(1));
    assert_eq!(registry.resolve("ext"), None);
    let ext = registry.register_local("ext", service(2)).unwrap();
    assert_eq!(registry.register_local("ext", service(3)).unwrap_err(), NameTakenError("ext".to_owned()));
    assert_eq!(*registry.resolve("ext").unwrap(), service(2));
    drop(ext);
    assert_eq!(registry.resolve("ext"), None);
    let _again = registry.register_local("ext", service(4)).unwrap();
}

#[tokio::test]
async fn fallback_returns_after_local_service() {
    let registry = registry();
    let mut updates = registry.subscribe("b");
    queued_updates(&mut updates).await;
    let fallback = registry.register_fallback("echo", service(1));
    let published = registry.publish("echo", service(2));
    assert_eq!(*registry.resolve("echo").unwrap(), service(1));
    let local = registry.register_local("echo", service(3)).unwrap();
    assert_eq!(*registry.resolve("echo").unwrap(), service(3));
    drop(local);
    assert_eq!(*registry.resolve("echo").unwrap(), service(1));
    drop((fallback, published));
    assert_eq!(registry.resolve("echo"), None);
    let visible = [
        service(1),
        withdrawn(1),
        service(3),
        withdrawn(1),
        service(1),
        withdrawn(1),
        service(2),
        withdrawn(0),
    ];
    assert_eq!(queued_updates(&mut updates).await, visible.map(|service| services([("echo", service)])));
}

#[tokio::test]
async fn oldest_publication_is_visible() {
    let registry = registry();
    let mut updates = registry.subscribe("b");
    queued_updates(&mut updates).await;
    let first = registry.publish("ext", service(1));
    let second = registry.publish("ext", service(2));
    let third = registry.publish("ext", service(3));
    assert_eq!(
        queued_updates(&mut updates).await,
        [services([("ext", service(1))])],
        "the others are hidden"
    );
    drop(second);
    assert_eq!(queued_updates(&mut updates).await, [], "a hidden service is withdrawn silently");
    drop(first);
    let replaced = [withdrawn(0), service(3)].map(|service| services([("ext", service)]));
    assert_eq!(queued_updates(&mut updates).await, replaced);
    let local = registry.register_local("ext", service(4)).unwrap();
    let replaced = [withdrawn(0), service(4)].map(|service| services([("ext", service)]));
    assert_eq!(queued_updates(&mut updates).await, replaced);
    assert_eq!(queued_updates(&mut registry.subscribe("c")).await, [services([("ext", service(4))])]);
    drop(local);
    drop(third);
    let ended = [withdrawn(1), service(3), withdrawn(0)].map(|service| services([("ext", service)]));
    assert_eq!(queued_updates(&mut updates).await, ended);
}

#[tokio::test]
async fn newer_subscription_replaces_older() {
    let registry = registry();
    let mut older = registry.subscribe("b");
    let mut newer = registry.subscribe("b");
    assert_eq!(queued_updates(&mut older).await.len(), 1);
    assert_eq!(older.next().await, Err(SubscriptionError::Replaced));
    drop(older);
    let _ext = registry.publish("ext", service(1));
    assert_eq!(queued_updates(&mut newer).await.len(), 2, "dropping the older one does not end the newer");
}

#[tokio::test]
async fn slow_subscriber_is_cut_off() {
    let registry = registry();
    let mut slow = registry.subscribe("slow");
    for _ in 0..MAX_PENDING_UPDATES {
        drop(registry.publish("ext", service(1)));
    }
    assert!(registry.state().subscribers.is_empty());
    assert_eq!(
        queued_updates(&mut slow).await.len(),
        MAX_PENDING_UPDATES,
        "queued updates are still delivered"
    );
    assert_eq!(slow.next().await, Err(SubscriptionError::Lagged));
}

#[tokio::test]
async fn departed_subscribers_leave_nothing_behind() {
    let registry = registry();
    for number in 0..100 {
        drop(registry.subscribe(&number.to_string()));
        drop(registry.publish(&number.to_string(), service(1)));
    }
    assert!(registry.state().subscribers.is_empty());
    assert!(registry.state().names.is_empty());
    let routers = Routers::default();
    for number in 0..100 {
        drop(routers.subscribe(&number.to_string(), "peer"));
    }
    assert_eq!(format!("{routers:?}"), "Routers([])");
}

#[tokio::test]
async fn stopping_ends_subscriptions_silently() {
    let registry = registry();
    let storage = registry.register_local("storage", service(1)).unwrap();
    let mut updates = registry.subscribe("b");
    registry.stop();
    drop(storage);
    assert_eq!(queued_updates(&mut updates).await.len(), 1);
    assert_eq!(updates.next().await, Err(SubscriptionError::Stopped));
    assert_eq!(registry.subscribe("late").next().await, Err(SubscriptionError::Stopped));
}

fn table(group: &str) -> RoutingTable {
    [(group.to_owned(), vec![(1, "member".to_owned())])].into()
}

/// Returns the table that is ready for a router, if there is one.
async fn ready_table(router: &mut RouterSubscription) -> Option<Result<RoutingTable, SubscriptionError>> {
    match poll!(pin!(router.next())) {
        Poll::Ready(next) => Some(next.map(|delivery| RoutingTable::clone(&delivery.table))),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn router_gets_table_after_each_refresh() {
    let routers = Routers::default();
    let mut router = routers.subscribe("r", "peer");
    assert_eq!(ready_table(&mut router).await, Some(Ok(RoutingTable::new())), "an empty table is sent");
    assert_eq!(ready_table(&mut router).await, None);
    for group in ["a", "a", "b"] {
        routers.publish(table(group), "").wait().await;
        assert_eq!(ready_table(&mut router).await, Some(Ok(table(group))), "an unchanged table is sent");
        assert_eq!(ready_table(&mut router).await, None);
    }
    assert_eq!(ready_table(&mut routers.subscribe("s", "peer")).await, Some(Ok(table("b"))));
}

#[tokio::test]
async fn slow_router_gets_newest_table() {
    let routers = Routers::default();
    let mut router = routers.subscribe("r", "peer");
    for group in ["a", "b", "c"] {
        routers.publish(table(group), "").wait().await;
    }
    assert_eq!(ready_table(&mut router).await, Some(Ok(table("c"))));
    assert_eq!(ready_table(&mut router).await, None);
}

#[tokio::test]
async fn waiting_router_is_woken() {
    let routers = Routers::default();
    let mut router = routers.subscribe("r", "peer");
    ready_table(&mut router).await;
    let woken =
        tokio::spawn(async move { router.next().await.map(|delivery| RoutingTable::clone(&delivery.table)) });
    tokio::task::yield_now().await;
    routers.publish(table("a"), "").wait().await;
    assert_eq!(woken.await.unwrap(), Ok(table("a")));
}

#[tokio::test]
async fn refresh_waits_for_routers_on_its_connection() {
    let routers = Routers::default();
    let mut own = routers.subscribe("own", "peer");
    let mut other = routers.subscribe("other", "another peer");
    let (_, _) = (ready_table(&mut own).await, ready_table(&mut other).await);
    let mut first = pin!(routers.publish(table("a"), "peer").wait());
    assert!(poll!(first.as_mut()).is_pending());
    let mut second = pin!(routers.publish(table("b"), "peer").wait());
    let delivery = own.next().await.unwrap();
    assert!(poll!(first.as_mut()).is_pending(), "a received table is not yet delivered");
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
async fn newer_router_replaces_older() {
    let routers = Routers::default();
    let mut older = routers.subscribe("r", "peer");
    let mut newer = routers.subscribe("r", "peer");
    assert_eq!(ready_table(&mut older).await, Some(Err(SubscriptionError::Replaced)));
    drop(older);
    routers.publish(table("a"), "").wait().await;
    assert_eq!(ready_table(&mut newer).await, Some(Ok(table("a"))));
    routers.stop();
    assert_eq!(ready_table(&mut newer).await, Some(Err(SubscriptionError::Stopped)));
    assert_eq!(ready_table(&mut newer).await, Some(Err(SubscriptionError::Stopped)), "the error stays");
    assert_eq!(
        ready_table(&mut routers.subscribe("late", "peer")).await,
        Some(Err(SubscriptionError::Stopped))
    );
}

#[tokio::test]
async fn updates_are_shared_between_subscribers() {
    let registry = registry();
    let (mut one, mut other) = (registry.subscribe("one"), registry.subscribe("other"));
    assert_eq!(one.next().await.unwrap(), other.next().await.unwrap());
    let _ext = registry.publish("ext", service(1));
    assert!(Arc::ptr_eq(&one.next().await.unwrap(), &other.next().await.unwrap()));
}
