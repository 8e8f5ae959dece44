use std::path::Path;

use super::*;
use crate::config::{ListenAddress, documented_defaults};

fn address(host: &str, port: u16) -> ListenAddress {
    ListenAddress::Tcp { host: host.into(), port }
}

fn parse(text: &str) -> NodeConfig {
    toml::from_str(text).unwrap()
}

#[test]
fn config_keeps_what_it_leaves_out() {
    let limits = Limits::default().max_frame_bytes(1 << 20);
    let builder = Node::builder()
        .listen("127.0.0.1:1")
        .data("data")
        .cluster(false)
        .restrict(["storage"])
        .limits(limits)
        .startup_timeout(Duration::from_secs(1))
        .shutdown_timeout(Duration::from_secs(2))
        .idle_timeout(false)
        .http(HttpConfig::default().clients(7))
        .cache(CacheConfig::default().max_size(2))
        .chrono(ChronoConfig::default().timers(3))
        .urlfetch(UrlfetchConfig::default().max_redirects(4))
        .geobase("cities.mmdb");
    let settings = builder.config(&NodeConfig::default()).settings().unwrap();
    assert_eq!(settings.listen, [address("127.0.0.1", 1)]);
    assert_eq!(settings.data.as_deref(), Some(Path::new("data")));
    assert!(!settings.cluster && !settings.idle_timeout);
    assert_eq!(settings.restrict, ["storage"]);
    assert_eq!(settings.limits, limits);
    assert_eq!(settings.startup_timeout, Duration::from_secs(1));
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(2));
    assert_eq!(settings.http.unwrap().clients, Some(7));
    assert_eq!(settings.cache.max_size, Some(2));
    assert_eq!(settings.chrono.timers, Some(3));
    assert_eq!(settings.urlfetch.max_redirects, Some(4));
    assert_eq!(settings.geobase.as_deref(), Some(Path::new("cities.mmdb")));
}

#[test]
fn config_replaces_values_it_sets() {
    let builder = Node::builder()
        .limits(Limits::default().max_frame_bytes(1 << 20).max_channels(5))
        .restrict(["storage"])
        .startup_timeout(Duration::from_secs(1))
        .shutdown_timeout(Duration::from_secs(1))
        .http(HttpConfig::default().clients(7).timeout_for("a", Duration::from_secs(1)))
        .cache(CacheConfig::default().max_size(2).max_bytes(3));
    let config = parse(
        "restrict = []\nshutdown_timeout = 3\n[apps]\nstartup_timeout = 2\n[limits]\nmax_frame_bytes = 2048\n[cache]\nmax_size = 4\n\
         [http]\nlisten = \"b:2\"\n[http.timeouts]\nb = 2\n[extra_param]\nweight = 1\n",
    );
    let settings = builder.config(&config).settings().unwrap();
    assert!(settings.restrict.is_empty());
    assert_eq!(settings.startup_timeout, Duration::from_secs(2));
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(3));
    assert_eq!((settings.limits.max_frame_bytes, settings.limits.max_channels), (2048, 5));
    assert_eq!((settings.cache.max_size, settings.cache.max_bytes), (Some(4), Some(3)));
    let http = settings.http.unwrap();
    assert_eq!((http.listen.as_deref(), http.clients), (Some("b:2"), Some(7)));
    assert_eq!(http.timeouts.into_iter().collect::<Vec<_>>(), [("a".into(), 1.0), ("b".into(), 2.0)]);
    assert_eq!(settings.extra_param, &b"\x81\xa6weight\x01"[..]);
}

#[test]
fn later_setter_wins_over_config() {
    let config = parse(
        "listen = \"a:1\"\ndata = \"d\"\n[apps]\nstartup_timeout = 2\n[limits]\nmax_frame_bytes = 2048\n[cache]\nmax_size = 4\n",
    );
    let builder = Node::builder()
        .config(&config)
        .listen("b:2")
        .in_memory()
        .startup_timeout(Duration::MAX)
        .limits(Limits::default())
        .cache(CacheConfig::default());
    let settings = builder.settings().unwrap();
    assert_eq!((settings.listen, settings.data), (vec![address("b", 2)], None));
    assert_eq!(settings.startup_timeout, Duration::MAX);
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(settings.cache, CacheConfig::default());
}

#[tokio::test]
async fn invalid_config_keeps_node_from_starting() {
    let error = Node::builder().config(&parse("[limits]\nmax_channels = 0\n")).start().await.unwrap_err();
    assert_eq!(error.to_string(), "limits.max_channels is 0: nothing could be served");
}

#[test]
fn documented_defaults_are_those_of_the_node() {
    let resolved = |builder: NodeBuilder| {
        let settings = builder.settings().unwrap();
        // The services and the gateway fill in the defaults of their sections, which their tests compare.
        let sections = NodeConfig::default();
        let NodeConfig { cache, chrono, urlfetch, .. } = sections.clone();
        format!("{:#?}", NodeSettings { config: sections, cache, chrono, urlfetch, http: None, ..settings })
    };
    let documented: NodeConfig = documented_defaults();
    assert_eq!(resolved(Node::builder().config(&documented)), resolved(Node::builder()));
}
