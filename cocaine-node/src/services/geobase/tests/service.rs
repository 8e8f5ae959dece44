//! The service with a database file.

use std::{fs, path::Path};

use cocaine::Code;
use cocaine_bindings::Geobase;

use super::{
    super::{GeobaseError, GeobaseService},
    *,
};
use crate::{Node, store::Store};

async fn start(file: &Path) -> Result<GeobaseService, GeobaseError> {
    GeobaseService::start(Some(file.into()), Store::in_memory().unwrap()).await
}

fn countries() -> Vec<u8> {
    let areas: &[TestRegion<'_>] = &[("continent", 5, &[("en", "Here")]), ("country", 6, &[("en", "There")])];
    database(&[TestNetwork { networks: &["10.0.0.0/8"], areas, ..TestNetwork::default() }])
}

#[tokio::test]
async fn country_database_serves_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countries.mmdb");
    fs::write(&file, countries()).unwrap();
    let service = start(&file).await.unwrap();
    assert_eq!(service.region_id("10.1.2.3").await.unwrap(), 6);
    assert_eq!(service.names(6).await.unwrap(), ["There"]);
    for refused in [
        service.chief_region_id(6).await.map(drop),
        service.coordinates(6).await.map(drop),
        service.timezone_name(6).await.map(drop),
        service.region_id_by_location(1.0, 2.0).await.map(drop),
        service.region_id("192.0.2.1").await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().code(), Some(Code::INVALID_VALUE));
    }
}

#[tokio::test]
async fn unusable_database_fails_node_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.mmdb");
    let node = || Node::builder().listen("127.0.0.1:0").in_memory().geobase(&file).start();
    let refusal = async || node().await.unwrap_err().to_string();
    let starts = format!("geobase cannot use {}: ", file.display());
    assert!(refusal().await.starts_with(&starts));
    fs::write(&file, "no database").unwrap();
    let error = refusal().await;
    assert!(
        error.strip_prefix(&starts).unwrap().starts_with("it is not a database in the format of"),
        "{error}"
    );
    fs::write(&file, countries()).unwrap();
    node().await.unwrap().shutdown().await;
    let folder = start(folder.path()).await.unwrap_err().to_string();
    assert!(folder.ends_with(": it is not a regular file"), "{folder}");
}

#[tokio::test]
async fn region_services_are_limited_and_stored() {
    let store = Store::in_memory().unwrap();
    let service = GeobaseService::start(None, store.clone()).await.unwrap();
    for number in 0..256 {
        service.set_service(524_901, &format!("s{number:03}"), true).await.unwrap();
    }
    service.set_service(524_901, "s000", true).await.expect("it is there");
    for name in ["one more", "", &"x".repeat(257)] {
        assert_eq!(
            service.set_service(524_901, name, true).await.unwrap_err().code(),
            Some(Code::INVALID_VALUE)
        );
    }
    service.set_service(524_901, "s000", false).await.unwrap();
    service.set_service(524_901, &"x".repeat(256), true).await.unwrap();
    let again = GeobaseService::start(None, store.clone()).await.unwrap();
    assert_eq!(again.get_services(524_901).await.unwrap().len(), 256);
    assert!(!again.have_service(524_901, "s000").await.unwrap());

    store.write("geobase", "498817", bytes::Bytes::from_static(b"\xc1"), &[]).await.unwrap();
    let unreadable = again.get_services(498_817).await.unwrap_err();
    assert_eq!(unreadable.code(), Some(Code::posix(5)));
    assert!(unreadable.to_string().contains("`498817` in `geobase`"), "{unreadable}");
}
