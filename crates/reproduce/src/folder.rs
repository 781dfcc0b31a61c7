//! The run folder: where a run keeps what it has done and writes what it found.

use crate::error::ReproduceError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use tenfold_core_tensor::files::{FileError, write_atomic};
use tenfold_vision::Engine;

/// What a run was asked for and on what it ran; `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Version of Tenfold.
    pub version: String,
    /// Commit of the working tree, with `-dirty` where it had changes, or `unknown`.
    pub git_commit: String,
    /// Papers, in order.
    pub papers: Vec<String>,
    /// Scale.
    pub scale: crate::scale::Scale,
    /// Seeds asked for; null for each experiment's own number.
    pub seeds: Option<usize>,
    /// Data set asked for; null for each experiment's own choice.
    pub data: Option<String>,
    /// Back end.
    pub backend: String,
    /// What trained the perceptrons.
    pub perceptrons: Engine,
}

/// A run folder.
pub struct RunFolder {
    root: PathBuf,
}

/// The file that makes a folder a run's.
pub(crate) const CONFIG: &str = "config.json";

impl RunFolder {
    /// Starts a run in `root`.
    ///
    /// # Errors
    /// If a run is already there, or the file system refuses.
    pub fn create(root: &Path, config: &RunConfig) -> Result<Self, ReproduceError> {
        if root.join(CONFIG).exists() {
            return Err(ReproduceError::Argument {
                field: "--out",
                value: root.display().to_string(),
                rule: "already holds a run; go on with --resume, or name another folder".into(),
            });
        }
        if root.exists() && !root.is_dir() {
            return Err(ReproduceError::Argument {
                field: "--out",
                value: root.display().to_string(),
                rule: "is a file; must be a folder, or not there yet".into(),
            });
        }
        let folder = Self { root: root.to_path_buf() };
        folder.write_json(CONFIG, config)?;
        Ok(folder)
    }

    /// Goes on with the run in `root`.
    ///
    /// # Errors
    /// If there is none, or its configuration cannot be read.
    pub fn open(root: &Path) -> Result<(Self, RunConfig), ReproduceError> {
        let folder = Self { root: root.to_path_buf() };
        if !root.join(CONFIG).exists() {
            return Err(ReproduceError::Argument {
                field: "--resume",
                value: root.display().to_string(),
                rule: "holds no run (no config.json)".into(),
            });
        }
        let config = folder.read_json(CONFIG)?;
        Ok((folder, config))
    }

    /// A path inside the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file of the folder; it appears whole or not at all.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, name: &str, text: &str) -> Result<(), FileError> {
        write_atomic(self.path(name), |w| w.write_all(text.as_bytes()))
    }

    /// Writes a value as indented JSON.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), FileError> {
        write_atomic(self.path(name), |w| {
            serde_json::to_writer_pretty(&mut *w, value)?;
            w.write_all(b"\n")
        })
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, ReproduceError> {
        let path = self.path(name);
        let text = std::fs::read_to_string(&path).map_err(|e| FileError::new(&path, e))?;
        serde_json::from_str(&text)
            .map_err(|e| ReproduceError::RunFolder { file: path.display().to_string(), rule: e.to_string() })
    }

    /// The result of a piece of work: read from `units/NAME.json` where an earlier run finished it, else computed and
    /// kept there. Numbers survive the round trip exactly.
    ///
    /// # Errors
    /// Whatever the work returns, or a kept result that cannot be read.
    pub fn unit<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<T, ReproduceError>,
    ) -> Result<T, ReproduceError> {
        let file = format!("units/{name}.json");
        if self.path(&file).exists() {
            return self.read_json(&file);
        }
        let value = work()?;
        self.write_json(&file, &value)?;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::Scale;

    fn config() -> RunConfig {
        RunConfig {
            version: "0".into(),
            git_commit: "unknown".into(),
            papers: vec!["resmem".into()],
            scale: Scale::Quick,
            seeds: None,
            data: None,
            backend: "flex".into(),
            perceptrons: Engine::Perceptron,
        }
    }

    #[test]
    fn a_run_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        RunFolder::create(dir.path(), &config()).unwrap();
        let error = RunFolder::create(dir.path(), &config()).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("already holds a run"), "{error}");
        assert_eq!(RunFolder::open(dir.path()).unwrap().1, config());
        assert!(RunFolder::open(&dir.path().join("none")).err().unwrap().to_string().contains("holds no run"));
    }

    #[test]
    fn finished_work_is_not_done_again_and_comes_back_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(dir.path(), &config()).unwrap();
        let value = vec![0.1_f64, 1.0 / 3.0, f64::MIN_POSITIVE, 1e300];
        assert_eq!(folder.unit("a/b", || Ok(value.clone())).unwrap(), value);
        let again: Vec<f64> = folder.unit("a/b", || panic!("done already")).unwrap();
        assert_eq!(again, value);
        std::fs::write(folder.path("units/a/b.json"), "[0.1,").unwrap();
        let error = folder.unit::<Vec<f64>>("a/b", || Ok(vec![])).unwrap_err();
        assert!(error.to_string().contains("b.json"), "{error}");
    }
}
