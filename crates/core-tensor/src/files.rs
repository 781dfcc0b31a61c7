//! Files that appear whole or not at all, and their checksums.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// What went wrong with a file, with its path.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct FileError {
    /// The file concerned.
    pub path: PathBuf,
    /// The operating system's word.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// Ties an input/output error to the file it happened on.
    pub fn new(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { path: path.into(), source }
    }
}

/// Writes a file under a temporary name beside `path` and renames it when `write` succeeded and the bytes are on
/// disk, so that no reader ever sees half of it, and an older file survives a failure. Missing parent folders are made.
///
/// ```
/// use std::io::Write;
/// use tenfold_core_tensor::files::write_atomic;
///
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("deep/result.txt");
/// write_atomic(&path, |w| w.write_all(b"done")).unwrap();
/// assert_eq!(std::fs::read(&path).unwrap(), b"done");
/// ```
///
/// # Errors
/// Whatever `write` or the file system returns; `path` is then untouched.
pub fn write_atomic(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let path = path.as_ref();
    let attempt = || {
        let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir)?;
        let temporary = tempfile::Builder::new().prefix(".writing-").suffix(".tmp").tempfile_in(dir)?;
        let mut buffered = BufWriter::with_capacity(1 << 20, temporary.as_file());
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        temporary.as_file().sync_all()?;
        allow_others_to_read(temporary.as_file())?;
        temporary.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    attempt().map_err(|e| FileError::new(path, e))
}

/// A temporary file is private; a result is not.
#[cfg(unix)]
fn allow_others_to_read(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn allow_others_to_read(_file: &File) -> io::Result<()> {
    Ok(())
}

/// The SHA-256 of some bytes, as 64 lower-case hexadecimal digits.
///
/// ```
/// use tenfold_core_tensor::files::sha256;
/// assert!(sha256(b"abc").starts_with("ba7816bf8f01cfea"));
/// ```
pub fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

/// The SHA-256 of a file, read in blocks.
///
/// # Errors
/// If the file cannot be read.
pub fn sha256_file(path: impl AsRef<Path>) -> Result<String, FileError> {
    let path = path.as_ref();
    let attempt = || {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut block = vec![0_u8; 1 << 20];
        loop {
            let n = file.read(&mut block)?;
            if n == 0 {
                return Ok(hex(hasher.finalize().as_slice()));
            }
            hasher.update(&block[..n]);
        }
    };
    attempt().map_err(|e| FileError::new(path, e))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write_atomic(&path, |w| w.write_all(b"old")).unwrap();
        let error = write_atomic(&path, |w| {
            w.write_all(b"half of the n")?;
            Err(io::Error::other("disk on fire"))
        })
        .unwrap_err();
        assert!(error.to_string().contains("a.txt: disk on fire"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "temporary file left behind");
    }

    #[test]
    fn file_and_memory_checksums_agree_beyond_one_block() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.bin");
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(sha256_file(&path).unwrap(), sha256(&bytes));
        assert!(sha256_file(dir.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
