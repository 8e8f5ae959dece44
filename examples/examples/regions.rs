//! Regions of the earth: where an address is, what is around it, and what time it is there.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example regions`, maybe with an address behind `--`.
//! Without a database of its own (`--geobase FILE`), the node knows the address ranges of documentation alone, such as
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
        Err(error) => println!("Which time it is there is unknown: {error}"),
    }

    if let Ok(place) = geobase.coordinates(region).await {
        let nearest = geobase.region_id_by_location(place[0] + 1.0, place[1] + 1.0).await?;
        println!("The town nearest to a degree north and east of it is {:?}.", geobase.names(nearest).await?);
    }
    println!("All that is known: {}", geobase.region_data(region).await?);
    Ok(())
}
