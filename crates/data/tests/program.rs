//! Runs `tenfold-data` as a user would. Nothing here touches the network.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn run(root: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenfold-data")).args(arguments).env("TENFOLD_DATA", root).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn list_shows_every_set_and_how_to_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["list", "--json"]);
    assert_eq!(code(&output), 0);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(row("fashion-mnist-slice")["installed"], cfg!(feature = "embedded"));
    assert_eq!(row("cifar-10")["installed"], false);
    assert!(row("cifar-10")["how_to_get"].as_str().unwrap().contains("fetch cifar-10"));
    let text = run(dir.path(), &["list"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("cifar-100                absent"));
}

#[test]
fn verify_records_what_it_cannot_know_and_notices_changes() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("cifar-10");
    std::fs::create_dir(&folder).unwrap();
    let names: String = (0..10).map(|i| format!("c{i}\n")).collect();
    std::fs::write(folder.join("batches.meta.txt"), names).unwrap();
    for name in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"] {
        std::fs::write(folder.join(format!("{name}.bin")), vec![0; 3073]).unwrap();
    }
    let status = |output: &Output| {
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        (rows[0]["status"].clone(), rows[0]["title"].clone())
    };
    let title = "CIFAR-10 (JPEG or other non-official pixels)";
    let first = run(dir.path(), &["verify", "cifar-10", "--json"]);
    assert_eq!((code(&first), status(&first)), (0, ("recorded".into(), title.into())));
    let second = run(dir.path(), &["verify", "cifar-10", "--json"]);
    assert_eq!((code(&second), status(&second)), (0, ("unchanged".into(), title.into())));
    std::fs::write(folder.join("test_batch.bin"), vec![1; 3073]).unwrap();
    let third = run(dir.path(), &["verify"]);
    assert_eq!(code(&third), 2);
    assert!(String::from_utf8_lossy(&third.stdout).contains("test_batch.bin  <- differs"));
}

#[test]
fn bad_input_exits_with_2_and_names_the_fault() {
    let dir = tempfile::tempdir().unwrap();
    let unknown = run(dir.path(), &["fetch", "imagenet"]);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains(r#"no data set is called "imagenet"; there are: fashion-mnist-slice"#));
    let missing = run(dir.path(), &["verify", "cifar-100"]);
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("run `cargo xtask data fetch cifar-100`"), "{}", stderr(&missing));
    let archive = dir.path().join("fake.tar.gz");
    std::fs::write(&archive, b"fake").unwrap();
    let refused = run(dir.path(), &["fetch", "cifar-10", "--from", archive.to_str().unwrap()]);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("md5 is") && !dir.path().join("cifar-10").exists());
    assert_eq!(code(&run(dir.path(), &["no-such-verb"])), 2);
}

#[cfg(unix)]
#[test]
fn a_failing_download_exits_with_1_says_what_to_do_and_leaves_nothing() {
    use std::os::unix::fs::PermissionsExt;
    // A `curl` that fails as one without a network does.
    let tools = tempfile::tempdir().unwrap();
    let curl = tools.path().join("curl");
    std::fs::write(&curl, "#!/bin/sh\necho 'curl: (6) Could not resolve host' >&2\nexit 6\n").unwrap();
    std::fs::set_permissions(&curl, std::fs::Permissions::from_mode(0o755)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tenfold-data"))
        .args(["--root", dir.path().to_str().unwrap(), "fetch", "cifar-10"])
        .env("PATH", format!("{}:/usr/bin:/bin", tools.path().display()))
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    let message = stderr(&output);
    assert!(message.contains("Could not resolve host") && message.contains("curl failed"), "{message}");
    assert!(message.contains("fetch cifar-10 --from FILE"), "{message}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
