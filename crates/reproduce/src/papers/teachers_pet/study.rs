//! All seeds on all data, and what follows from them.

use super::arms::{self, Arm, Record};
use super::ridge::Ridge;
use super::settings::Settings;
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::long_tail::{Pools, Profile, data_set};
use crate::kit::recalls::{OfSeed, Recalls};
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::Estimate;
use tenfold_data::Source;

/// Everything that was measured.
pub(crate) struct Study {
    pub(super) settings: Settings,
    /// Long-tailed features, the long-tailed mixture, balanced features.
    pub(super) tasks: [Task; 3],
    pub(super) ridge: Ridge,
    pub(super) source: Option<Source>,
}

/// All seeds on one kind of cut.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) records: Vec<Record>,
    /// The arms of [`Arm::ALL`], and after them pseudo-arms that are right where ... : see [`Task::repeats`].
    recalls: Recalls,
    pub(super) seconds: f64,
}

/// Students whose errors are compared with the teacher's.
const REPEATING: [Arm; 3] = [Arm::OneHot, Arm::Mild, Arm::Warm];

pub(super) fn run(context: &Context) -> Result<Study, ReproduceError> {
    let settings = Settings::new(context.scale);
    let seeds = context.seeds_or(settings.seeds).max(2);
    let name = data_set(context.data.as_deref());
    let features = Pools::features(&name, &context.data_root)?;
    let mixture = Pools::gaussian(settings.mixture_points[0], settings.mixture_points[1])?;
    context.progress.add_steps(3 * seeds as u64);
    let task = |pools: &Pools, profile: &Profile, name: String| -> Result<Task, ReproduceError> {
        let started = Instant::now();
        context.progress.note(&name);
        let all: Vec<usize> = (0..seeds).collect();
        let records = context.parallel(&all, |&seed| {
            let unit = format!("teachers-pet/{name}-{seed}");
            let seed = Seed::new(0).named("teachers-pet").named(&name).child(seed as u64);
            context.folder.unit(&unit, || arms::run(context, &settings, pools, profile, seed))
        })?;
        Task::new(name, records, pools, started)
    };
    let long_tail = task(&features, &settings.long_tail, format!("{name}-lt"))?;
    let exact = task(&mixture, &settings.mixture, format!("{}-lt", mixture.name))?;
    let balanced = task(&features, &settings.balanced, format!("{name}-balanced"))?;
    let source = features.source;
    Ok(Study { settings, tasks: [long_tail, exact, balanced], ridge: super::ridge::check(context.scale)?, source })
}

impl Study {
    pub(super) fn long_tail(&self) -> &Task {
        &self.tasks[0]
    }

    pub(super) fn mixture(&self) -> &Task {
        &self.tasks[1]
    }

    pub(super) fn balanced(&self) -> &Task {
        &self.tasks[2]
    }

    /// Training pieces for the progress bar.
    pub(super) fn seconds(&self) -> f64 {
        self.tasks.iter().map(|task| task.seconds).sum()
    }
}

impl Task {
    fn new(name: String, records: Vec<Record>, pools: &Pools, started: Instant) -> Result<Self, ReproduceError> {
        let labels: Vec<Vec<usize>> = records.iter().map(|record| pools.test_labels(&record.classes)).collect();
        let plain = Arm::ALL.len();
        let right = |seed: usize, arm: usize, point: usize| {
            let (record, label) = (&records[seed], labels[seed][point]);
            let said = |arm: Arm| usize::from(record.said[arm.index()].test[point]);
            match arm {
                _ if arm < plain => usize::from(record.said[arm].test[point]) == label,
                _ if arm == plain => said(Arm::Teacher) != label,
                _ => said(Arm::Teacher) != label && said(REPEATING[arm - plain - 1]) == said(Arm::Teacher),
            }
        };
        let recalls = Recalls::new(&labels, pools.classes(), plain + 1 + REPEATING.len(), right)?;
        Ok(Self { name, recalls, records, seconds: started.elapsed().as_secs_f64() })
    }

    /// A number of each seed, with its interval over seeds and test points.
    pub(super) fn interval(&self, number: impl Fn(OfSeed) -> f64) -> Result<Estimate, String> {
        self.recalls.interval(number)
    }

    pub(super) fn average_gain(&self, of: Arm, over: Arm) -> Result<Estimate, String> {
        self.interval(|s| s.average(of.index()) - s.average(over.index()))
    }

    pub(super) fn worst_gain(&self, of: Arm, over: Arm) -> Result<Estimate, String> {
        self.interval(|s| s.worst(of.index()) - s.worst(over.index()))
    }

    /// Of the test points on which the teacher errs, the share on which a student says the same wrong class, minus that of the student
    /// of labels. Classes of a test set are of one size.
    pub(super) fn repeats(&self, of: Arm) -> Result<Estimate, String> {
        let place = |arm: Arm| Arm::ALL.len() + 1 + REPEATING.iter().position(|a| *a == arm).unwrap_or(0);
        self.interval(|s| (s.average(place(of)) - s.average(place(Arm::OneHot))) / s.average(Arm::ALL.len()))
    }

    /// The change of each class's recall from one arm to another, in a seed.
    pub(super) fn change(seed: &OfSeed, of: Arm, over: Arm) -> Vec<f64> {
        seed.of(of.index()).iter().zip(seed.of(over.index())).map(|(a, b)| a - b).collect()
    }

    /// Every seed's recalls.
    pub(super) fn seeds(&self) -> impl Iterator<Item = OfSeed<'_>> {
        self.recalls.seeds()
    }

    pub(super) fn n(&self) -> String {
        format!(
            "{} seeds, each with its own cut and teacher; {} test points",
            self.records.len(),
            self.records[0].said[0].test.len()
        )
    }
}
