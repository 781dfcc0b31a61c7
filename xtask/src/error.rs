//! What can go wrong in a task, and the exit code it ends with.

use std::path::PathBuf;
use std::process::ExitStatus;

/// The one error type of the tasks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request itself is wrong: exit 2, as for every Tenfold program.
    #[error("{0}")]
    BadRequest(String),
    /// A file or folder could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A program ran and failed; its own messages are above this one.
    #[error("{program}: {status}")]
    Failed {
        /// The program with its arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A check found faults; every one is listed.
    #[error("{}", .0.join("\n"))]
    Findings(Vec<String>),
}

impl Error {
    /// 2 for a bad request, 1 for everything else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::BadRequest(_) => 2,
            _ => 1,
        }
    }

    /// A closure for `map_err` that adds the path and the verb to a system error.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// `Ok` when nothing was found.
    pub(crate) fn from_findings(findings: Vec<String>) -> Result<(), Self> {
        if findings.is_empty() { Ok(()) } else { Err(Self::Findings(findings)) }
    }
}
