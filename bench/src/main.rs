//! Calls per second beside the floor, tarpc and tonic, in one table.
mod cores; mod line; mod peer; mod peers; mod work;
use std::time::Duration;
use work::Work;
#[global_allocator]
static COUNTING: counter::Counting = counter::Counting;
fn main() -> anyhow::Result<()> {
    let c = cores::Cores::pick()?;
    let lines = [("floor", line::Line::on_own_cores::<peers::floor::Floor>(c)?), ("tarpc", line::Line::on_own_cores::<peers::tarpc::Tarpc>(c)?), ("tonic", line::Line::on_own_cores::<peers::tonic::Tonic>(c)?)];
    for n in [1, 64, 256] { for _ in 0..3 { for (name, l) in &lines {
        let s = l.sample(Work::Manifest, n, Duration::from_millis(500))?;
        eprintln!(" {name} {n}: {:.0} {:?}", s.rate, s.allocations);
    } } }
    let two = [("tarpc", line::Line::on_two_workers::<peers::tarpc::Tarpc>(c)?), ("tonic", line::Line::on_two_workers::<peers::tonic::Tonic>(c)?)];
    for n in [1, 64, 256] { for _ in 0..3 { for (name, l) in &two {
        let s = l.sample(Work::Manifest, n, Duration::from_millis(500))?;
        eprintln!(" two {name} {n}: {:.0} {:?}", s.rate, s.allocations);
    } } }
    let blob = [("raw", line::Line::on_own_cores::<peers::raw_copy::RawCopy>(c)?), ("tarpc", line::Line::on_own_cores::<peers::tarpc::Tarpc>(c)?), ("tonic", line::Line::on_own_cores::<peers::tonic::Tonic>(c)?)];
    for n in [1, 4] { for _ in 0..3 { for (name, l) in &blob {
        let s = l.sample(Work::Blob, n, Duration::from_millis(500))?;
        eprintln!(" blob {name} {n}: {:.0} {:?}", s.rate, s.allocations);
    } } }
    Ok(())
}
