//! Naming one array of one file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A file and, where it holds several arrays, the key of one.
///
/// ```
/// use tenfold_core_tensor::arrays::ArrayPath;
/// let p: ArrayPath = "runs/a.npz:logits".parse().unwrap();
/// assert_eq!((p.file.to_str(), p.key.as_deref()), (Some("runs/a.npz"), Some("logits")));
/// assert_eq!(p.to_string(), "runs/a.npz:logits");
/// let q: ArrayPath = "emb.npy".parse().unwrap();
/// assert_eq!(q.key, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayPath {
    /// The file.
    pub file: PathBuf,
    /// The array's name in it; needed where the file holds more than one.
    pub key: Option<String>,
}

impl FromStr for ArrayPath {
    type Err = std::convert::Infallible;

    /// A colon starts a key only after an extension that can hold several arrays, so that other paths may contain one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        for extension in [".npz:", ".safetensors:"] {
            if let Some(at) = text.find(extension) {
                let (file, key) = text.split_at(at + extension.len() - 1);
                return Ok(Self { file: file.into(), key: Some(key[1..].to_string()) });
            }
        }
        Ok(Self { file: text.into(), key: None })
    }
}

impl From<PathBuf> for ArrayPath {
    fn from(file: PathBuf) -> Self {
        Self { file, key: None }
    }
}

impl From<&Path> for ArrayPath {
    fn from(file: &Path) -> Self {
        file.to_path_buf().into()
    }
}

impl fmt::Display for ArrayPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        self.key.as_ref().map_or(Ok(()), |key| write!(f, ":{key}"))
    }
}
