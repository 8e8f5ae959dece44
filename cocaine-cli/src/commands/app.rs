//! Commands for apps.

pub(super) mod check;
pub(super) mod upload;

use cocaine::Client;
use cocaine_codegen::{AppDifference, AppGrade, difference_table};

use crate::{
    app_store::AppStore,
    commands::command_line::CloudArgs,
    error::{Error, Result},
};

/// Returns the cloud, and what is uploaded there.
async fn connect(args: &CloudArgs) -> Result<(Client, AppStore)> {
    let cloud = Client::new(&args.locator).map_err(Error::while_doing("--locator"))?;
    let store = AppStore::connect(&cloud, args.timeout).await?;
    Ok((cloud, store))
}

/// Prints the differences that matter to anything but documentation, and returns whether there are any.
fn print_differences(differences: &[AppDifference]) -> bool {
    if !differences.is_empty() {
        print(&difference_table(differences));
    }
    differences.iter().any(|difference| difference.grade != AppGrade::None)
}

/// Writes to standard output. A reader that has had enough is no error.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
