//! A gateway without a node, and its metrics.

use cocaine_node::{
    config::{HttpConfig, Target},
    gateway::Gateway,
};

use crate::{
    app::{Step, text},
    client::{Client, fetch, get},
    harness::start_cloud,
};

#[tokio::test]
async fn gateway_runs_without_a_node() {
    let cloud = start_cloud().await;
    let config = HttpConfig::default().listen("127.0.0.1:0").admin("127.0.0.1:0");
    let gateway = Gateway::start(&cloud.locator_addr(), &config).await.unwrap();
    cloud.respond(text("from afar"));
    assert_eq!(fetch(gateway.local_addr(), get("/app/a")).await.text(), "from afar");
    assert_eq!(
        fetch(gateway.local_addr(), get("/metrics")).await.status,
        404,
        "metrics are on the other port"
    );
    let admin = gateway.admin_addr().unwrap();
    assert_eq!(fetch(admin, get("/ping")).await.text(), "OK\n");
    let metrics = fetch(admin, get("/metrics")).await;
    assert!(
        metrics.text().contains("cocaine_gateway_requests_total{service=\"app\",status=\"200\"} 1\n"),
        "{}",
        metrics.text()
    );
    gateway.shutdown().await;
}

#[tokio::test]
async fn metrics_count_requests() {
    let mut cloud = start_cloud().await;
    let mut client = Client::connect(cloud.http_addr()).await;
    client.fetch(get("/app/a")).await;
    cloud.respond([Step::Error(0x52ff, 1, "full".into())]);
    client.fetch("POST /app/a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello").await;
    client.fetch(get("/nosuch/a")).await;
    cloud.respond([Step::Error(42, 7, "on purpose".into())]);
    client.fetch(get("/app/a")).await;
    cloud.stop_app();
    assert_eq!(client.fetch(get("/app/a")).await.status, 502, "its connection was lost");
    let metrics = client.fetch(get("/metrics")).await;
    for line in [
        "cocaine_gateway_requests_total{service=\"app\",status=\"200\"} 2",
        "cocaine_gateway_requests_total{service=\"\",status=\"503\"} 1",
        "cocaine_gateway_requests_total{service=\"app\",status=\"500\"} 1",
        "cocaine_gateway_requests_total{service=\"app\",status=\"502\"} 1",
        "cocaine_gateway_retries_total{service=\"app\"} 1",
        "cocaine_gateway_received_bytes_total 5",
        "cocaine_gateway_in_flight_requests 1",
        "cocaine_gateway_client_connections 1",
        "# UNIT cocaine_gateway_request_duration_seconds seconds",
        "cocaine_gateway_request_duration_seconds_count{service=\"app\"} 4",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}: {}", metrics.text());
    }
    let odd = |line: &&str| {
        !line.starts_with('#') && line.rsplit_once(' ').is_none_or(|(_, value)| value.parse::<f64>().is_err())
    };
    assert_eq!(metrics.text().lines().find(odd), None);
}

#[tokio::test]
async fn reload_changes_routes_and_not_addresses() {
    let cloud = start_cloud().await;
    let mut client = Client::connect(cloud.http_addr()).await;
    let request = "GET /x HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    assert_eq!(client.fetch(request).await.status, 404);
    let shop = HttpConfig::default().host("shop.example", Target::new("app", "a"));
    let fixed = cloud.gateway().reload(&shop.clone().listen("127.0.0.1:1").clients(7)).unwrap();
    assert_eq!(fixed, ["http.listen", "http.clients"]);
    cloud.respond(text("the shop"));
    assert_eq!(client.fetch(request).await.text(), "the shop", "on a connection that was open");

    let refused = cloud.gateway().reload(&HttpConfig::default().sampling(2.0)).unwrap_err().to_string();
    assert!(refused.contains("http.sampling is 2"), "{refused}");
    cloud.respond(text("the same shop"));
    assert_eq!(client.fetch(request).await.text(), "the same shop");
}
