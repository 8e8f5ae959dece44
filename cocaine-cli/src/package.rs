//! A program as a package: a tar archive with one file.

use std::{fs::File, path::Path};

use cocaine::Bytes;

use crate::error::{Error, Result};

/// Returns the package of a program, which has the name of its app there. It is the same for the same program, whoever packs it.
pub(crate) fn pack(app: &str, program: &Path) -> Result<Bytes> {
    let failed = |error: std::io::Error| Error::File {
        path: program.display().to_string(),
        reason: format!("cannot be packed: {error}"),
    };
    let mut file = File::open(program).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::File { path: program.display().to_string(), reason: "is no file".to_owned() });
    }
    let mut header = tar::Header::new_gnu();
    header.set_metadata_in_mode(&metadata, tar::HeaderMode::Deterministic);
    header.set_mode(0o755);
    let mut package = tar::Builder::new(Vec::new());
    package.append_data(&mut header, app, &mut file).map_err(failed)?;
    package.into_inner().map(Bytes::from).map_err(failed)
}
