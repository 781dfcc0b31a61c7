//! Other programs: cargo, git, Python, and the heavy binaries that the tasks start.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde_json::Value;

use crate::error::Error;

/// The names of the back ends, which are also cargo features.
pub(crate) const BACKENDS: [&str; 3] = [DEFAULT_BACKEND, "wgpu", "cuda"];
/// The back end that every program has.
pub(crate) const DEFAULT_BACKEND: &str = "flex";

/// The cargo feature behind `NAME` or `NAME:INDEX`.
pub(crate) fn backend_feature(text: &str) -> Result<String, String> {
    let (name, index) = text.split_once(':').unwrap_or((text, "0"));
    if !BACKENDS.contains(&name) {
        return Err(format!("rule: one of {}", BACKENDS.join(", ")));
    }
    match index.parse::<usize>() {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err(format!("device index {index:?}: rule: a whole number")),
    }
}

/// The cargo that started us, without the variables that it set for us: `cargo run` describes the xtask package
/// in `CARGO_PKG_*` and `CARGO_MANIFEST_*`, and build scripts that watch those would run again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Select the whole workspace with one feature set, plus that of a back end; every cargo step that compiles Burn
/// goes through here.
///
/// Cargo unifies features over the packages *selected*, dev-dependencies included whenever a test, bench or
/// example target is asked for. `-p tenfold-reproduce` alone therefore resolves crates below Burn with fewer
/// features than `cargo test --workspace` does (criterion, proptest and assert_cmd ask for more), and Burn would be
/// compiled a second time. The feature `same-build` of core-tensor levels the longest part of that by hand, for
/// people who call cargo themselves. Selecting the workspace levels all of it, whatever the dependencies become:
/// [`build_binary`] adds `--examples` for the sake of the dev-dependencies' features, and `--bin` keeps the units that
/// are really compiled to those of the one binary, so a newcomer's first build is no longer than with `-p`.
///
/// `tenfold-data/cli` is on so that its program is linted and tested with the rest.
pub(crate) fn select<'a>(command: &'a mut Command, backend: &str) -> &'a mut Command {
    command.args(["--workspace", "--features", "tenfold-data/cli"]);
    // The programs have `flex` by default. All of them share core-tensor, so one package's feature serves all.
    if backend != DEFAULT_BACKEND {
        command.args(["--features", &format!("tenfold-reproduce/{backend}")]);
    }
    command
}

/// Build one binary of the workspace in release, cargo's progress on standard error, and say where it lies.
pub(crate) fn build_binary(name: &str, backend: &str) -> Result<PathBuf, Error> {
    let mut command = cargo();
    select(command.args(["build", "--release"]), backend).args(["--bin", name, "--examples"]);
    command.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let messages = output(&mut command)?;
    executable(&messages, name).ok_or_else(|| {
        Error::BadRequest(format!("cargo built no binary `{name}`: is it still a target of this workspace?"))
    })
}

/// The path of binary `name` in cargo's JSON messages.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let target = &message["target"];
        let is_it = target["name"] == name && target["kind"][0] == "bin";
        message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
    })
}

/// Where cargo puts what it builds, and the root of the workspace: `(target, root)`.
pub(crate) fn folders() -> Result<(PathBuf, PathBuf), Error> {
    let metadata = metadata(&["--no-deps"])?;
    let folder = |key: &str| {
        metadata[key]
            .as_str()
            .map(PathBuf::from)
            .ok_or_else(|| Error::BadRequest(format!("cargo metadata has no {key}")))
    };
    Ok((folder("target_directory")?, folder("workspace_root")?))
}

/// `cargo metadata` with further arguments.
pub(crate) fn metadata(arguments: &[&str]) -> Result<Value, Error> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1"]).args(arguments).stderr(Stdio::inherit());
    serde_json::from_str(&output(&mut command)?)
        .map_err(|error| Error::BadRequest(format!("cargo metadata did not print JSON: {error}")))
}

/// Run a program to its end with our own standard streams; a failure is an error.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command.status().map_err(|source| Error::Start { program: program(command), source })?;
    if status.success() { Ok(()) } else { Err(Error::Failed { program: line(command), status }) }
}

/// Run a program to its end and return what it printed on standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let output = child
        .and_then(std::process::Child::wait_with_output)
        .map_err(|source| Error::Start { program: program(command), source })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Failed { program: line(command), status: output.status })
    }
}

/// Become another program: its streams, signals and exit code are ours from here on.
///
/// On Unix the process is replaced, so an interrupt reaches the program and nothing else stands between it and
/// the terminal. Elsewhere we wait for it and pass its exit code on.
pub(crate) fn hand_over(command: &mut Command) -> Result<ExitCode, Error> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let source = command.exec();
        Err(Error::Start { program: program(command), source })
    }
    #[cfg(not(unix))]
    {
        let status = command.status().map_err(|source| Error::Start { program: program(command), source })?;
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
        Ok(ExitCode::from(code))
    }
}

/// Files of the tree that git tracks or would track, as paths relative to `root`, sorted.
pub(crate) fn tree(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut command = Command::new("git");
    command.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listing = output(&mut command)?;
    let mut files: Vec<PathBuf> = listing.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    // A file deleted but not yet committed is still listed.
    files.retain(|file| root.join(file).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

fn program(command: &Command) -> String {
    Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("program")).to_string_lossy().into_owned()
}

fn line(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program(command)).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_the_binary_and_not_a_library_or_example_of_that_name() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"bench","kind":["lib"]},"executable":null}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","target":{"name":"bench","kind":["example"]},"executable":"/a/examples/bench"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"bench","kind":["bin"]},"executable":"/a/bench"}"#,
        );
        assert_eq!(executable(messages, "bench"), Some(PathBuf::from("/a/bench")));
        assert_eq!(executable(messages, "other"), None);
    }

    #[test]
    fn cargo_does_not_inherit_the_description_of_this_package() {
        // Tests run under cargo, which sets CARGO_PKG_NAME for them.
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let removed = |wanted: &str| cargo().get_envs().any(|(name, value)| name == wanted && value.is_none());
        assert!(removed("CARGO_PKG_NAME"));
        assert!(!removed("PATH"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("tenfold-no-such-program")).unwrap_err();
        assert!(error.to_string().starts_with("cannot start tenfold-no-such-program"), "{error}");
    }
}
