//! Regions: the region of an IP address, the regions around it, and the local time there.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example regions`, optionally with an address after `--`.
//! Without a database (`--geobase FILE`), the node knows only the address ranges for documentation, such as
//! 203.0.113.0/24.

use std::env;

use cocaine::{Client, Result};
use cocaine_bindings::{Geobase, GeobaseClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "198.51.100.80".to_owned());
    let geobase: GeobaseClient = Client::from_env()?.service().await?;

    let region = geobase.region_id(&address).await?;
    println!("{address} is in:");
    for id in geobase.parents(region).await? {
        let names = geobase.linguistics_for_region(id, "en").await?;
        println!("  {id:>8}  {}", names.first().map_or("(without a name)", String::as_str));
    }

    match geobase.timezone_name(region).await {
        Ok(zone) => {
            let zone = geobase.timezone(&zone).await?;
            let (hours, minutes) = (zone.offset / 3600, zone.offset / 60 % 60);
            println!("The time is {} ({hours:+}:{:02} to UTC) there.", zone.abbreviation, minutes.abs());
        }
        Err(error) => println!("The local time is unknown: {error}"),
    }

    let country = geobase.parents(region).await?.into_iter().rev().nth(2).unwrap_or(region);
    if let Ok(town) = geobase.chief_region_id(country).await {
        println!("The chief town of the country is {}.", geobase.names(town).await?.join(", "));
    }
    println!("All data: {}", geobase.region_data(region).await?);
    Ok(())
}
