//! Timers: a countdown that is cancelled, and a reminder that is restarted.
//!
//! Needs a cloud: `cargo run --bin cocaine-node`, then `cargo run --example timer`.

use std::time::Instant;

use cocaine::{Client, Result};
use cocaine_bindings::{Chrono, ChronoClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let chrono: ChronoClient = Client::from_env()?.service().await?;
    let start = Instant::now();

    let mut ticks = chrono.notify_every(0.5, None);
    for left in (1..=3).rev() {
        if let Some(id) = ticks.recv().await.transpose()? {
            println!("{left}… after {:.1} s", start.elapsed().as_secs_f64());
            if left == 1 {
                chrono.cancel(id).await?;
            }
        }
    }
    println!("cancelled: {:?}", ticks.recv().await);

    // The id arrives at once, so that the timer can be restarted while it runs.
    let mut reminder = chrono.notify_after(0.5, Some(true));
    if let Some(id) = reminder.recv().await.transpose()? {
        chrono.restart(id).await?;
        reminder.recv().await.transpose()?;
        println!("{id:?} fired after {:.1} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}
