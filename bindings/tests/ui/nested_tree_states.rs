include!("../../../cocaine-codegen/tests/golden/trees.rs");

async fn walk(trees: TreesClient) -> cocaine::Result<()> {
    let first = trees.nested(()).await?.tx;
    first.b(()).await?;
    let second = trees.nested(()).await?.tx.a(()).await?;
    second.stop(()).await?;
    let third = second.b(()).await?;
    third.done(()).await?;
    third.c(()).await?;
    Ok(())
}

fn main() {}
