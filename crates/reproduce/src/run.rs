//! A run: papers one after another into one folder.

use crate::claim::Claim;
use crate::context::Context;
use crate::decided::Decided;
use crate::error::ReproduceError;
use crate::folder::{CONFIG, RunConfig, RunFolder};
use crate::papers::{PAPERS, select};
use crate::report;
use crate::scale::Scale;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use tenfold_core_tensor::device::DeviceSpec;
use tenfold_core_tensor::progress::Progress;
use tenfold_data::catalogue;
use tenfold_report::hanging;
use tenfold_vision::{Engine, Shard};

/// What a person asked for. What is left out comes from the run that is resumed, or from the experiment.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Papers; none means all.
    pub papers: Vec<String>,
    /// How much work to do.
    pub scale: Option<Scale>,
    /// Where tensors live.
    pub backend: Option<String>,
    /// Number of seeds.
    pub seeds: Option<usize>,
    /// Data set.
    pub data: Option<String>,
    /// The new run's folder.
    pub out: Option<PathBuf>,
    /// The folder of a run to go on with.
    pub resume: Option<PathBuf>,
    /// Independent pieces of work done at a time; none means one a core.
    pub jobs: Option<usize>,
    /// The part of the networks that is trained here; none means all.
    pub shard: Option<Shard>,
}

/// Runs what was asked for and returns the folder and the decided claims. A verdict is never an error.
///
/// # Errors
/// A request that makes no sense, missing data, a device that is not there, work that failed.
pub fn run(request: &Request) -> Result<(PathBuf, Vec<Decided>), ReproduceError> {
    at_least_one("--seeds", request.seeds)?;
    at_least_one("--jobs", request.jobs)?;
    // Shards are all started with the same words: whichever is first makes the folder.
    let begun = request.out.as_ref().filter(|out| request.shard.is_some() && out.join(CONFIG).exists());
    let (root, folder, config) = match request.resume.as_ref().or(begun) {
        Some(root) => {
            let (folder, config) = RunFolder::open(root)?;
            at_least_one("seeds in config.json", config.seeds)?;
            check_same(request, &config)?;
            check_shard(request.shard, &config)?;
            (root.clone(), folder, config)
        }
        None => {
            let config = new_config(request)?;
            check_shard(request.shard, &config)?;
            let root = request.out.clone().unwrap_or_else(|| default_folder(&config));
            // Before the folder is made: a device or data that are not there must leave nothing behind.
            config.backend.parse::<DeviceSpec>()?.open()?;
            for paper in select(&config.papers)? {
                for set in (paper.data_sets)(config.scale, config.data.as_deref()) {
                    catalogue::require(&set, &catalogue::data_root())?;
                }
            }
            (root.clone(), RunFolder::create(&root, &config)?, config)
        }
    };
    let papers = select(&config.papers)?;
    let mut decided = Vec::new();
    let mut sections = Vec::new();
    let mut metrics = String::new();
    for paper in &papers {
        let context = Context {
            scale: config.scale,
            seeds: config.seeds,
            data: config.data.clone(),
            data_root: catalogue::data_root(),
            device: config.backend.parse::<DeviceSpec>()?.open()?,
            jobs: request.jobs.unwrap_or_else(cores),
            shard: request.shard,
            folder: &folder,
            progress: Progress::new(paper.name, 0),
        };
        let outcome = (paper.run)(&context)?;
        context.progress.finish();
        decided.extend(outcome.decided);
        for line in outcome.metrics {
            metrics.push_str(&format!("{line}\n"));
        }
        sections.push((*paper, outcome.sections));
    }
    folder.write_json("claims.json", &decided)?;
    folder.write("metrics.jsonl", &metrics)?;
    report::write(&folder, &config, &sections, &decided)?;
    Ok((root, decided))
}

fn new_config(request: &Request) -> Result<RunConfig, ReproduceError> {
    let backend = request.backend.as_deref().unwrap_or("flex").parse::<DeviceSpec>()?;
    Ok(RunConfig {
        version: env!("CARGO_PKG_VERSION").into(),
        git_commit: git_commit(),
        papers: select(&request.papers)?.iter().map(|p| p.name.to_string()).collect(),
        scale: request.scale.unwrap_or(Scale::Quick),
        seeds: request.seeds,
        data: request.data.clone(),
        backend: backend.to_string(),
        perceptrons: Engine::of_perceptrons(backend.backend),
    })
}

fn at_least_one(field: &'static str, value: Option<usize>) -> Result<(), ReproduceError> {
    match value {
        Some(0) => Err(ReproduceError::Argument { field, value: "0".into(), rule: "must be at least 1".into() }),
        _ => Ok(()),
    }
}

/// All papers of a shard must have networks that can be shared.
fn check_shard(shard: Option<Shard>, config: &RunConfig) -> Result<(), ReproduceError> {
    let whole = select(&config.papers)?.into_iter().find(|paper| !paper.shards);
    match (shard, whole) {
        (Some(shard), Some(paper)) => {
            let rule = format!("the experiment of {} is not cut into shards", paper.name);
            Err(ReproduceError::Argument { field: "--shard", value: shard.to_string(), rule })
        }
        _ => Ok(()),
    }
}

/// What a resumed run is asked for must be what it was started with.
fn check_same(request: &Request, config: &RunConfig) -> Result<(), ReproduceError> {
    let differs = |field, asked: Option<String>, was: String| match asked {
        Some(asked) if asked != was => {
            Err(ReproduceError::Argument { field, value: asked, rule: format!("the run to resume has {was}") })
        }
        _ => Ok(()),
    };
    let or_own = |v: Option<String>| v.unwrap_or_else(|| "the experiment's own choice".into());
    let papers = (!request.papers.is_empty()).then(|| request.papers.join(" "));
    differs("papers", papers, config.papers.join(" "))?;
    differs("--scale", request.scale.map(|s| s.to_string()), config.scale.to_string())?;
    // Both written out: `wgpu` and `wgpu:0` are one device.
    let backend = request.backend.as_deref().map(str::parse::<DeviceSpec>).transpose()?;
    differs("--backend", backend.map(|b| b.to_string()), config.backend.clone())?;
    differs("--seeds", request.seeds.map(|s| s.to_string()), or_own(config.seeds.map(|s| s.to_string())))?;
    differs("--data", request.data.clone(), or_own(config.data.clone()))?;
    match request.resume {
        Some(_) => {
            differs("--out", request.out.as_ref().map(|p| p.display().to_string()), "a folder of its own".into())
        }
        None => Ok(()),
    }
}

fn default_folder(config: &RunConfig) -> PathBuf {
    let papers = if config.papers.len() == PAPERS.len() && config.papers.len() > 1 {
        "all".into()
    } else {
        config.papers.join("-")
    };
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Path::new("runs").join(format!("{papers}-{}-{seconds}", config.scale))
}

/// One worker a core.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn git_commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|o| o.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    match (git(&["rev-parse", "HEAD"]), git(&["status", "--porcelain", "--untracked-files=no"])) {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit}-dirty"),
        _ => "unknown".into(),
    }
}

/// Every paper of this build with its claims, as text or JSON.
pub fn list(json: bool) -> String {
    let papers = PAPERS;
    if json {
        let of = |paper: &str, c: &Claim| {
            serde_json::json!({
                "id": c.id, "kind": c.kind, "statement": c.statement, "source": c.read(paper),
                "rule": format!("{}; {}", c.statistic, c.rule),
            })
        };
        let list: Vec<_> = papers
            .iter()
            .map(|p| {
                let claims: Vec<_> = (p.claims)().into_iter().map(|c| of(p.name, c)).collect();
                serde_json::json!({ "paper": p.name, "title": p.title, "citation": p.citation, "claims": claims })
            })
            .collect();
        return serde_json::Value::from(list).to_string();
    }
    let mut text = String::new();
    for paper in papers {
        let title = format!("{}: {}", paper.name, paper.title);
        text.push_str(&format!("{}\n  {}\n", hanging(&title, 2), hanging(paper.citation, 2)));
        for c in (paper.claims)() {
            let kind = format!("{:?}", c.kind).to_lowercase();
            text.push_str(&format!("\n  {} [{kind}]\n", c.id));
            for line in [
                c.statement.to_string(),
                format!("Source: {}.", c.read(paper.name)),
                format!("Rule: {}; {}.", c.statistic, c.rule),
            ] {
                text.push_str(&format!("    {}\n", hanging(&line, 4)));
            }
        }
        text.push('\n');
    }
    text
}
