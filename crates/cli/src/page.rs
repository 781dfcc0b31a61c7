//! Pages as files.

use std::io::Write;
use std::path::Path;
use tenfold_core_tensor::files::{FileError, write_atomic};

/// Writes a page, whole or not at all.
pub(crate) fn write_page(path: &Path, page: &str) -> Result<(), FileError> {
    write_atomic(path, |w| w.write_all(page.as_bytes()))
}
