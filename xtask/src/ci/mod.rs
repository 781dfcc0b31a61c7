//! `cargo xtask ci`: everything that must hold before a change is merged, cheapest first.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::error::Error;
use crate::{docs, process};

mod end_to_end;
mod floors;
mod golden;
mod tidy;

/// Check the whole tree, cheapest step first, and stop at the first failure
///
/// One profile (release), one feature set and one target folder, so the tensor
/// library is compiled once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  cargo xtask ci
  cargo xtask ci --only tidy,floors")]
pub(crate) struct Arguments {
    /// Run these steps only
    #[arg(long, value_name = "STEP,...", value_delimiter = ',', value_parser = STEPS.map(|step| step.name))]
    only: Vec<String>,
    /// Build the programs with this back end too, so that tests which run on
    /// every device also run on its devices
    #[arg(long, default_value = process::DEFAULT_BACKEND, value_parser = process::BACKENDS)]
    backend: String,
}

/// What a step needs to know about the place it runs in.
struct Place {
    target: PathBuf,
    root: PathBuf,
    backend: String,
}

/// One step: its name and what must be true afterwards.
struct Step {
    name: &'static str,
    promise: &'static str,
    run: fn(&Place) -> Result<(), Error>,
}

/// The steps in the order they run.
const STEPS: [Step; 10] = [
    Step { name: "format", promise: "rustfmt would change nothing", run: format },
    Step { name: "floors", promise: "dependencies point down only; xtask and the libraries stay light", run: floors },
    Step { name: "tidy", promise: "no machine path, no private registry, no dead link, no overlong file", run: tidy },
    Step { name: "clippy", promise: "no warning in any target", run: clippy },
    Step { name: "rustdoc", promise: "every public item documented, every link whole", run: rustdoc },
    Step { name: "tests", promise: "all tests and doctests pass", run: tests },
    Step { name: "sanitizer", promise: "all unsafe code passes under AddressSanitizer", run: sanitizer },
    Step { name: "golden", promise: "the reference scripts still give the golden vectors", run: golden },
    Step { name: "end-to-end", promise: "every paper's experiment runs, and goes on after a kill", run: end_to_end },
    Step { name: "docs", promise: "generated blocks are fresh", run: generated_docs },
];

/// Run the steps, then print what each took.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let (target, root) = process::folders()?;
    let place = Place { target, root, backend: arguments.backend.clone() };
    let wanted = |step: &&Step| arguments.only.is_empty() || arguments.only.iter().any(|name| name == step.name);
    let mut taken = Vec::new();
    let mut failure = None;
    for step in STEPS.iter().filter(wanted) {
        println!("\n== {}: {}", step.name, step.promise);
        let start = Instant::now();
        let done = (step.run)(&place);
        taken.push((step.name, start.elapsed(), done.is_ok()));
        if let Err(error) = done {
            eprintln!("{error}");
            failure = Some(step.name);
            break;
        }
    }
    println!("\n{}", summary(&taken));
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(name) => {
            eprintln!("ci failed at `{name}`; run it alone with: cargo xtask ci --only {name}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A table of the steps that ran.
fn summary(taken: &[(&str, Duration, bool)]) -> String {
    let line =
        |name: &str, time: Duration, verdict: &str| format!("{name:<12} {:>9.1} s  {verdict}", time.as_secs_f64());
    let mut lines: Vec<String> =
        taken.iter().map(|(name, time, ok)| line(name, *time, if *ok { "ok" } else { "FAILED" })).collect();
    lines.push(line("total", taken.iter().map(|step| step.1).sum(), ""));
    lines.join("\n").trim_end().to_owned()
}

fn format(_: &Place) -> Result<(), Error> {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))
}

fn floors(_: &Place) -> Result<(), Error> {
    let mut faults = floors::check(&process::metadata(&[])?);
    let mut tree = process::cargo();
    tree.args(["tree", "--no-default-features", "--edges", "normal,build", "--prefix", "none"]);
    tree.args(floors::LIGHT.iter().flat_map(|name| ["--package", name]));
    faults.extend(floors::check_light(&process::output(&mut tree)?));
    Error::from_findings(faults)
}

fn tidy(place: &Place) -> Result<(), Error> {
    Error::from_findings(tidy::check(&place.root)?)
}

fn clippy(place: &Place) -> Result<(), Error> {
    let mut command = process::cargo();
    let selected = process::select(command.args(["clippy", "--release", "--all-targets"]), &place.backend);
    process::run(selected.args(["--", "-D", "warnings"]))
}

fn rustdoc(place: &Place) -> Result<(), Error> {
    let mut command = process::cargo();
    process::select(command.args(["doc", "--release", "--no-deps"]), &place.backend);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn tests(place: &Place) -> Result<(), Error> {
    let mut command = process::cargo();
    // Every failure in one run: a second round costs more than finishing the first.
    process::run(process::select(command.args(["test", "--release", "--no-fail-fast"]), &place.backend))
}

/// The packages that hold all unsafe code. They have no tensor library below them, so that a second compilation is a matter of
/// seconds; the compiler denies unsafe code to the others.
const UNSAFE: [&str; 2] = ["kernels", "recycle"];

/// The tests of those packages, with every memory access checked, at each width of vectors.
///
/// Sanitizers are unstable options of the compiler; the variable lets the stable one take them, for this step alone.
fn sanitizer(place: &Place) -> Result<(), Error> {
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        println!("no AddressSanitizer for this platform: not run");
        return Ok(());
    }
    for width in ["avx512", "avx2", "plain"] {
        let mut command = process::cargo();
        command.args(["test", "--release", "--lib"]);
        for package in UNSAFE {
            command.arg("--package").arg(format!("tenfold-{package}"));
        }
        // A target that is named keeps the flags from build scripts and macros.
        command.args(["--target", "x86_64-unknown-linux-gnu", "--target-dir"]).arg(place.target.join("sanitizer"));
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address").env("TENFOLD_SIMD", width);
        process::run(command.env("PROPTEST_CASES", "64"))?;
    }
    Ok(())
}

fn golden(place: &Place) -> Result<(), Error> {
    golden::check(&place.root, &place.target)
}

fn end_to_end(place: &Place) -> Result<(), Error> {
    end_to_end::check(&place.target, &place.backend)
}

fn generated_docs(place: &Place) -> Result<(), Error> {
    docs::refresh(&place.root, docs::Mode::Check)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_each_step_its_time_and_its_outcome() {
        let taken = [("format", Duration::from_millis(1500), true), ("tidy", Duration::from_millis(500), false)];
        let text = summary(&taken);
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            ["format             1.5 s  ok", "tidy               0.5 s  FAILED", "total              2.0 s",]
        );
    }
}
