//! Decompositions in one pass over predictions.

use super::{Decomposition, KlDecomposition};
use crate::error::AnalysisError;
use crate::predictions::{FirstModels, MeanModel, Randomness, Scale, mean_model, pass};
use ndarray::{Array3, ArrayView3, s};
use std::cell::Cell;
use tenfold_core_tensor::arrays::{ArrayPath, Slabs, write_npy};

fn logits(models: usize, points: usize, classes: usize) -> (Array3<f32>, Vec<usize>) {
    let at = |t: usize, i: usize, k: usize| ((t * 7919 + i * 104_729 + k * 31) % 97) as f32 / 12.0;
    let z = Array3::from_shape_fn((models, points, classes), |(t, i, k)| at(t, i, k));
    (z, (0..points).map(|i| i % classes).collect())
}

#[test]
fn a_file_is_read_once_for_all() {
    let (z, y) = logits(6, 3000, 3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("z.npy");
    write_npy(&path, z.view()).unwrap();
    let file = Slabs::open(&ArrayPath::from(path)).unwrap();
    let scale = Scale::logits();
    let new = |models| Decomposition::new(models, 3, scale, Randomness::Seed).unwrap();
    let few = [4, 5].map(|models| FirstModels { models, found: new(models) });
    let kl = KlDecomposition::new(6, 3, scale, Randomness::Seed).unwrap();
    let all = ((new(6), Vec::from(few)), (Some(kl), MeanModel::new(6, 3, scale).unwrap()));
    let told = Cell::new(0);
    let ((whole, few), (kl, mean)) = pass(&file, &y, all, |count| told.set(told.get() + count)).unwrap();
    assert_eq!(told.get(), 3000);
    let of = |models: usize| Decomposition::of(z.slice(s![..models, .., ..]), &y, scale, Randomness::Seed).unwrap();
    assert!(whole.points() == of(6).points());
    assert_eq!(whole.averages().unwrap(), of(6).averages().unwrap());
    for part in few {
        assert!(part.found.points() == of(part.models).points(), "{} models", part.models);
    }
    assert!(kl.unwrap() == KlDecomposition::of(z.view(), &y, scale, Randomness::Seed).unwrap());
    assert!(mean.into_probabilities() == mean_model(z.view(), scale).unwrap());
}

#[test]
fn how_an_array_lies_in_memory_does_not_matter() {
    let (z, y) = logits(4, 50, 3);
    let turned = z.view().permuted_axes([1, 0, 2]).as_standard_layout().into_owned();
    let of = |z: ArrayView3<f32>, y: &[usize]| {
        Decomposition::of(z, y, Scale::logits(), Randomness::Seed).unwrap().points().to_vec()
    };
    assert_eq!(of(z.view(), &y), of(turned.view().permuted_axes([1, 0, 2]), &y));
    assert_eq!(of(z.view(), &y)[10..], of(z.slice(s![.., 10.., ..]), &y[10..]));
}

#[test]
fn the_first_fault_is_named_and_the_file_may_end() {
    let (mut z, y) = logits(4, 60_000, 2);
    (z[[3, 50_000, 1]], z[[2, 1_000, 0]], z[[1, 59_000, 0]]) = (f32::NAN, f32::INFINITY, f32::NAN);
    let new = || Decomposition::new(4, 2, Scale::logits(), Randomness::Seed).unwrap();
    let fault = |error: AnalysisError| error.to_string();
    let text = fault(pass(z.view(), &y, new(), |_| ()).unwrap_err());
    assert!(text.starts_with("model 2, point 1000, class 0: inf"), "{text}");
    let few = FirstModels { models: 5, found: new() };
    let text = fault(pass(z.view(), &y, few, |_| ()).map(|_| ()).unwrap_err());
    assert!(text.starts_with("first models = 5: there are 4"), "{text}");
    let text = fault(pass(z.view(), &y[1..], new(), |_| ()).unwrap_err());
    assert!(text.starts_with("predictions: [4, 60000, 2] against [4, 59999, 2]"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("z.npy");
    write_npy(&path, z.view()).unwrap();
    let file = Slabs::open(&ArrayPath::from(path.clone())).unwrap();
    // Cut off after it was opened, in the last model's rows, and before any fault of the numbers.
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(128 + 4 * 180_100 * 2).unwrap();
    let text = fault(pass(&file, &y, new(), |_| ()).unwrap_err());
    assert!(text.contains("z.npy") && text.contains("data cannot be read"), "{text}");
}

#[test]
fn the_first_model_with_a_fault_is_named_whichever_fault_is_seen_first() {
    let rows = [[0.5_f32, 0.25, 0.125, 0.125], [0.25; 4], [1.0, 0.0, -0.0, 0.0]];
    for classes in [4, 12] {
        let fine = Array3::from_shape_fn((10, 3, classes), |(t, i, k)| if k < 4 { rows[(t + i) % 3][k] } else { 0.0 });
        let fault = |p: &Array3<f32>| {
            let found = Decomposition::new(10, classes, Scale::probabilities(), Randomness::Seed).unwrap();
            pass(p.view(), &[0, 1, 2], found, |_| ()).map(|_| ()).unwrap_err().to_string()
        };
        let found = Decomposition::of(fine.view(), &[0, 1, 2], Scale::probabilities(), Randomness::Seed).unwrap();
        assert_eq!(found.points().len(), 3);
        let mut p = fine.clone();
        // A sum is looked at for all models together, a sign row by row.
        (p[[9, 1, 3]], p[[8, 1, 1]], p[[2, 1, 2]]) = (-0.1, -0.1, 0.9);
        let text = fault(&p);
        assert!(text.starts_with("model 2, point 1: the probabilities sum to 1."), "{text}");
        p[[1, 1, 0]] = -1e-30;
        let text = fault(&p);
        assert!(text.starts_with("model 1, point 1, class 0: -0.000"), "{text}");
        for (class, bad) in [(1, f32::NAN), (1, -f32::NAN), (0, f32::NAN), (3, f32::INFINITY), (1, f32::NEG_INFINITY)] {
            p[[0, 1, class]] = bad;
            let text = fault(&p);
            assert!(text.starts_with(&format!("model 0, point 1, class {class}: {bad}, must be a finite")), "{text}");
            p[[0, 1, class]] = fine[[0, 1, class]];
        }
    }
}
