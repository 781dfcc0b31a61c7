//! Against `golden/distill.py`: the definitions in NumPy and SciPy.

use ndarray::Array2;
use serde_json::Value;
use tenfold_core_tensor::seed::Seed;
use tenfold_distill::{
    AdaMargin, AdaMarginForm, ClassRisks, Comparison, Decoupled, Hinton, MarginSource, Margins, Predictions,
    RidgeGroup, RiskKind, RowLoss, SoftCrossEntropy, Teacher,
};

/// The golden numbers, with the arrays that they are of.
struct Golden {
    all: Value,
    teacher: Array2<f64>,
    first: Array2<f64>,
    second: Array2<f64>,
    labels: Vec<usize>,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/distill.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let table = |name: &str| Array2::from_shape_vec((40, 5), numbers(&all[name])).unwrap();
    let labels = numbers(&all["labels"]).into_iter().map(|v| v as usize).collect();
    Golden { teacher: table("teacher"), first: table("first"), second: table("second"), labels, all }
}

#[track_caller]
fn close(found: &[f64], golden: &Value) {
    let golden = numbers(golden);
    assert_eq!(found.len(), golden.len());
    for (found, golden) in found.iter().zip(golden) {
        assert!((found - golden).abs() <= 1e-10 * golden.abs().max(1e-3), "{found} against {golden}");
    }
}

#[test]
fn losses_row_by_row() {
    let g = golden();
    let (f, all) = (g.first.view(), &g.all["losses"]);
    let teacher = Teacher::logits(g.teacher.view(), 1.0).unwrap();
    let p = teacher.tempered(3.0).unwrap();
    let plain = SoftCrossEntropy::new(p.view()).unwrap();
    close(&plain.each(f).unwrap(), &all["soft"]);
    let margin = plain.with_costs(&numbers(&g.all["costs"])).unwrap().divided_by_classes(true);
    close(&margin.each(f).unwrap(), &all["margin"]);
    close(&Hinton::new(&teacher, 3.0).unwrap().each(f).unwrap(), &all["hinton"]);
    let parts = |a, b| Decoupled::new(&teacher, &g.labels, 3.0).unwrap().with_weights(a, b).unwrap().each(f).unwrap();
    close(&parts(1.0, 0.0), &all["tckd"]);
    close(&parts(0.0, 1.0), &all["nckd"]);
    let margins = numbers(&g.all["margins"]);
    let ada = |form| AdaMargin::per_class(p.view(), &margins, form).unwrap().0.each(f).unwrap();
    close(&ada(AdaMarginForm::Additive { scale: 0.7 }), &all["additive"]);
    close(&ada(AdaMarginForm::Multiplicative { floor: 0.05 }), &all["multiplicative"]);
    let margins = Margins::of(&teacher, &g.labels, 1.0, MarginSource::External).unwrap();
    close(margins.per_example(), &all["gamma"]);
}

#[test]
fn risks_class_by_class() {
    let g = golden();
    let (f, all) = (g.first.view(), &g.all["risks"]);
    let teacher = Teacher::logits(g.teacher.view(), 1.0).unwrap();
    for (kind, name) in [(RiskKind::CrossEntropy, "cross_entropy"), (RiskKind::ZeroOne, "zero_one")] {
        let found = ClassRisks::of_teacher(&teacher, 1.0, f, kind).unwrap();
        close(found.values(), &all[format!("teacher_{name}")]);
        let found = ClassRisks::of_labels(&g.labels, f, kind).unwrap();
        close(found.values(), &all[format!("label_{name}")]);
    }
}

#[test]
fn changes_class_by_class() {
    let g = golden();
    let [first, second] = [&g.first, &g.second].map(|f| Predictions::of_logits(f.view(), &g.labels).unwrap());
    let found = Comparison::of(&first, &second, &[1], 200, Seed::new(1)).unwrap();
    close(&found.classes.iter().map(|c| c.p).collect::<Vec<_>>(), &g.all["comparison"]["p"]);
    close(&found.classes.iter().map(|c| c.adjusted).collect::<Vec<_>>(), &g.all["comparison"]["holm"]);
}

#[test]
fn ridge_risks() {
    let g = golden();
    for row in numbers(&g.all["ridge"]).chunks_exact(3) {
        let group = RidgeGroup::new(row[0], 1.0, 1.0, 0.64).unwrap();
        assert!((group.risk_one_hot() - row[1]).abs() < 1e-11);
        assert!((group.risk_distilled(1.0).unwrap() - row[2]).abs() < 1e-11);
    }
}
