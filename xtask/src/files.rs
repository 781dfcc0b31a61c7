//! Files read whole and written whole.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}

/// Write a file that appears whole or not at all: a reader never sees half of it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".tmp");
    fs::write(&partial, text).map_err(Error::file("write", &partial))?;
    fs::rename(&partial, path).map_err(Error::file("write", path))
}

/// Remove a folder and all in it; one that is not there is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("remove", path)(error)),
        _ => Ok(()),
    }
}
