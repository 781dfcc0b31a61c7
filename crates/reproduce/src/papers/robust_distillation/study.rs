//! All seeds on all data.

use super::arms::{self, Arm, Lab, Record};
use super::calibration::{self, Found, KINDS};
use super::settings::Settings;
use super::theory::{self, Theory};
use crate::context::Context;
use crate::error::ReproduceError;
use crate::kit::long_tail::{Pools, data_set};
use crate::kit::recalls::{OfSeed, Recalls};
use crate::kit::students::{Said, worst_recall};
use std::time::Instant;
use tenfold_core_tensor::seed::Seed;
use tenfold_core_tensor::stats::{Estimate, mean_interval};
use tenfold_data::Source;

/// Everything that was measured.
pub(crate) struct Study {
    pub(super) settings: Settings,
    /// Long-tailed features, then the long-tailed mixture.
    pub(super) tasks: [Task; 2],
    pub(super) exact: Exact,
    pub(super) theory: Theory,
    pub(super) source: Option<Source>,
}

/// All seeds on one kind of cut.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) records: Vec<Record>,
    recalls: Recalls,
    /// Validation labels, which are those of the fresh set too: so many of each class, in order of the rows.
    held_out: Vec<[Vec<usize>; 2]>,
    classes: usize,
    pub(super) seconds: f64,
}

/// Teachers of many kinds on the mixture.
pub(super) struct Exact {
    pub(super) name: String,
    pub(super) records: Vec<Vec<Found>>,
    recalls: Recalls,
    pub(super) seconds: f64,
}

pub(super) fn run(context: &Context) -> Result<Study, ReproduceError> {
    let settings = Settings::new(context.scale);
    let seeds: Vec<usize> = (0..context.seeds_or(settings.seeds).max(4)).collect();
    context.progress.add_steps(3 * seeds.len() as u64);
    let name = data_set(context.data.as_deref());
    let features = Pools::features(&name, &context.data_root)?;
    let mixture = Pools::gaussian(settings.mixture_points[0], settings.mixture_points[1])?;
    let lab = |pools: &'_ Pools, name: &str, seed: usize| -> Result<_, ReproduceError> {
        let seed = Seed::new(0).named("robust-distillation").named(name).child(seed as u64);
        Ok((pools.cut(&settings.profile, seed)?, seed))
    };
    let task = |pools: &Pools, name: String| -> Result<Task, ReproduceError> {
        let started = Instant::now();
        context.progress.note(&name);
        let found = context.parallel(&seeds, |&seed| {
            let unit = format!("robust-distillation/{name}-{seed}");
            let (cut, seed) = lab(pools, &name, seed)?;
            let held_out = [cut.validation.labels, cut.fresh.labels];
            let run = || arms::run(&Lab::new(context, pools, &settings.profile, seed)?, &settings);
            Ok((context.folder.unit(&unit, run)?, held_out))
        })?;
        let (records, held_out): (Vec<Record>, Vec<_>) = found.into_iter().unzip();
        let arms = Arm::all().len();
        let labels: Vec<Vec<usize>> = records.iter().map(|record| pools.test_labels(&record.classes)).collect();
        let recalls = Recalls::new(&labels, pools.classes(), arms, |seed, arm, point| {
            usize::from(records[seed].said[arm].test[point]) == labels[seed][point]
        })?;
        Ok(Task {
            name,
            records,
            recalls,
            held_out,
            classes: pools.classes(),
            seconds: started.elapsed().as_secs_f64(),
        })
    };
    let tasks = [task(&features, format!("{name}-lt"))?, task(&mixture, format!("{}-lt", mixture.name))?];

    let started = Instant::now();
    context.progress.note("teachers of many kinds");
    let name = format!("{}-teachers", mixture.name);
    let records = context.parallel(&seeds, |&seed| {
        let (_, from) = lab(&mixture, &name, seed)?;
        context.folder.unit(&format!("robust-distillation/{name}-{seed}"), || {
            calibration::run(&Lab::new(context, &mixture, &settings.profile, from)?, &settings)
        })
    })?;
    // Classes of the mixture are numbered as they are.
    let labels = vec![mixture.test.labels.clone(); records.len()];
    let recalls = Recalls::new(&labels, mixture.classes(), 3 * KINDS.len(), |seed, arm, point| {
        usize::from(Exact::said(&records[seed], arm).test[point]) == mixture.test.labels[point]
    })?;
    let exact = Exact { name, records, recalls, seconds: started.elapsed().as_secs_f64() };
    Ok(Study { theory: theory::run(&settings)?, settings, tasks, exact, source: features.source })
}

impl Study {
    pub(super) fn features(&self) -> &Task {
        &self.tasks[0]
    }

    pub(super) fn mixture(&self) -> &Task {
        &self.tasks[1]
    }
}

impl Task {
    pub(super) fn interval(&self, number: impl Fn(OfSeed) -> f64) -> Result<Estimate, String> {
        self.recalls.interval(number)
    }

    pub(super) fn interval_of(&self, seeds: &[usize], number: impl Fn(OfSeed) -> f64) -> Result<Estimate, String> {
        self.recalls.interval_of(seeds, number)
    }

    pub(super) fn average(&self, arm: Arm) -> Result<Estimate, String> {
        let i = arm.index();
        self.interval(|s| s.average(i))
    }

    pub(super) fn worst(&self, arm: Arm) -> Result<Estimate, String> {
        let i = arm.index();
        self.interval(|s| s.worst(i))
    }

    pub(super) fn average_gain(&self, of: Arm, over: Arm) -> Result<Estimate, String> {
        let (of, over) = (of.index(), over.index());
        self.interval(|s| s.average(of) - s.average(over))
    }

    pub(super) fn worst_gain(&self, of: Arm, over: Arm) -> Result<Estimate, String> {
        let (of, over) = (of.index(), over.index());
        self.interval(|s| s.worst(of) - s.worst(over))
    }

    pub(super) fn seeds(&self) -> impl Iterator<Item = OfSeed<'_>> {
        self.recalls.seeds()
    }

    /// Of each seed, the least recall on the validation set minus that on a fresh set of the same size.
    pub(super) fn gaps(&self, arm: Arm) -> Vec<f64> {
        let i = arm.index();
        let of = |(record, [validation, fresh]): (&Record, &[Vec<usize>; 2])| {
            let said = &record.said[i];
            worst_recall(&said.validation, validation, self.classes) - worst_recall(&said.fresh, fresh, self.classes)
        };
        self.records.iter().zip(&self.held_out).map(of).collect()
    }

    /// The mean over seeds of differences, with a t interval: seeds have held-out points of their own.
    pub(super) fn over_seeds(values: &[f64]) -> Result<Estimate, String> {
        mean_interval(values).map_err(|e| e.to_string())
    }

    /// Mean training accuracy.
    pub(super) fn train_accuracy(&self, arm: Arm) -> Result<Estimate, String> {
        let i = arm.index();
        Self::over_seeds(&self.records.iter().filter_map(|r| r.said[i].train_accuracy).collect::<Vec<_>>())
    }

    pub(super) fn n(&self) -> String {
        format!(
            "{} seeds, each with its own cut and teachers; {} test points",
            self.records.len(),
            self.records[0].said[0].test.len()
        )
    }
}

/// Whose predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The teacher's own.
    Teacher,
    /// Those of its robust student, with labels on the validation set.
    ByLabels,
    /// Those of its robust student, with its own labels there.
    ByTeacher,
}

impl Exact {
    fn said(record: &[Found], arm: usize) -> &Said {
        let found = &record[arm % KINDS.len()];
        match arm / KINDS.len() {
            0 => &found.own,
            1 => &found.by_labels,
            _ => &found.by_teacher,
        }
    }

    pub(super) fn arm(kind: usize, who: Who) -> usize {
        who as usize * KINDS.len() + kind
    }

    pub(super) fn interval(&self, number: impl Fn(OfSeed) -> f64) -> Result<Estimate, String> {
        self.recalls.interval(number)
    }

    pub(super) fn seeds(&self) -> impl Iterator<Item = OfSeed<'_>> {
        self.recalls.seeds()
    }

    pub(super) fn n(&self) -> String {
        format!("{} seeds, {} teachers each", self.records.len(), KINDS.len())
    }
}
