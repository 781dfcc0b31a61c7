//! The dependency rule: every workspace package has a floor, and arrows point down only.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::process::BACKENDS;

/// The house, basement first. Packages of one floor do not know each other.
///
/// A new crate gets its line here; one without a floor fails the check.
const HOUSE: [&[&str]; 5] = [
    &["tenfold-kernels", "tenfold-recycle"],
    &["tenfold-core-tensor"],
    &["tenfold-report", "tenfold-data", "tenfold-vision", "tenfold-transformer"],
    &[
        "tenfold-distill",
        "tenfold-memorisation",
        "tenfold-resmem",
        "tenfold-llm-inference",
        "tenfold-llm-tuning",
        "tenfold-mpc",
        "tenfold-analysis",
    ],
    &["tenfold-reproduce", "tenfold-cli", "tenfold-benches"],
];

/// The floor of the programs, which own the back ends.
const PROGRAMS: usize = HOUSE.len() - 1;
/// Stands outside the house and starts its programs.
const XTASK: &str = "xtask";
/// What works on plain arrays and must build without a tensor library where nobody asks for one.
pub(crate) const LIGHT: [&str; 7] = [
    "tenfold-analysis",
    "tenfold-cli",
    "tenfold-data",
    "tenfold-distill",
    "tenfold-memorisation",
    "tenfold-report",
    "tenfold-resmem",
];
/// The tensor library, by the beginnings of its packages' names.
const TENSORS: [&str; 2] = ["burn", "cubecl"];
/// What xtask must never compile.
const HEAVY: [&str; 3] = ["burn", "cubecl", "tenfold"];

/// Everything that breaks the rule, in the output of `cargo metadata`.
pub(crate) fn check(metadata: &Value) -> Vec<String> {
    let members: BTreeSet<&str> = strings(&metadata["workspace_members"]).collect();
    let packages: Vec<&Value> = array(&metadata["packages"])
        .iter()
        .filter(|package| package["id"].as_str().is_some_and(|id| members.contains(id)))
        .collect();
    let names: BTreeSet<&str> = packages.iter().map(|package| name(package)).collect();
    let mut faults = Vec::new();
    for package in &packages {
        arrows(package, &names, &mut faults);
        if floor(name(package)).is_some_and(|floor| floor < PROGRAMS) {
            defaults(package, &mut faults);
        }
    }
    faults.extend(xtask_closure(metadata));
    faults
}

/// Packages of a tensor library in a tree of [`LIGHT`] without default features, one package a line.
pub(crate) fn check_light(tree: &str) -> Vec<String> {
    let heavy: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| TENSORS.iter().any(|tensors| name.starts_with(tensors)))
        .collect();
    let fault =
        |name| format!("{name} is compiled by {} without default features: no arrays need it", LIGHT.join(" or "));
    heavy.into_iter().map(fault).collect()
}

fn floor(name: &str) -> Option<usize> {
    HOUSE.iter().position(|packages| packages.contains(&name))
}

/// Dependencies of one package on others of the workspace, tests and build scripts included.
fn arrows(package: &Value, names: &BTreeSet<&str>, faults: &mut Vec<String>) {
    let from = name(package);
    let inside = array(&package["dependencies"]).iter().map(name).filter(|to| names.contains(to) && *to != from);
    if from == XTASK {
        faults.extend(inside.map(|to| format!("{from} depends on {to}: xtask stands outside the house")));
        return;
    }
    let Some(own) = floor(from) else {
        faults.push(format!("{from} has no floor: give it one in xtask/src/ci/floors.rs"));
        return;
    };
    for to in inside {
        match floor(to) {
            Some(other) if other < own => {}
            Some(other) if other == own => {
                faults.push(format!("{from} depends on {to}, of its own floor: what two crates share moves down"));
            }
            _ => faults.push(format!("{from} depends on {to}: arrows point down only")),
        }
    }
}

/// A library's default features and plain dependencies choose no back end: that is for programs.
fn defaults(package: &Value, faults: &mut Vec<String>) {
    let from = name(package);
    let features: BTreeMap<&str, Vec<&str>> = package["features"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(feature, enables)| (feature.as_str(), strings(enables).collect()))
        .collect();
    let mut open = vec!["default"];
    let mut seen = BTreeSet::new();
    while let Some(feature) = open.pop() {
        if seen.insert(feature) {
            // `flex` of this package, or `burn/flex` of another.
            if BACKENDS.contains(&feature.rsplit('/').next().unwrap_or(feature)) {
                faults.push(format!("{from}: the default features enable the back end `{feature}`"));
            }
            open.extend(features.get(feature).into_iter().flatten());
        }
    }
    for dependency in array(&package["dependencies"]).iter().filter(|dependency| dependency["kind"].is_null()) {
        for feature in strings(&dependency["features"]).filter(|feature| BACKENDS.contains(feature)) {
            faults.push(format!("{from}: the dependency {} enables the back end `{feature}`", name(dependency)));
        }
    }
}

/// Heavy packages among those that are compiled to build xtask.
fn xtask_closure(metadata: &Value) -> Vec<String> {
    let names: BTreeMap<&str, &str> = array(&metadata["packages"])
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let nodes: BTreeMap<&str, &Value> =
        array(&metadata["resolve"]["nodes"]).iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let mut open: Vec<&str> = names.iter().filter(|(_, name)| **name == XTASK).map(|(id, _)| *id).collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id)
            && let Some(node) = nodes.get(id)
        {
            let compiled = |edge: &&Value| array(&edge["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev");
            open.extend(array(&node["deps"]).iter().filter(compiled).filter_map(|edge| edge["pkg"].as_str()));
        }
    }
    let reached: BTreeSet<&str> = seen.iter().filter_map(|id| names.get(id).copied()).collect();
    let is_heavy = |name: &&str| HEAVY.iter().any(|heavy| name.starts_with(heavy));
    reached
        .into_iter()
        .filter(is_heavy)
        .map(|name| format!("xtask compiles {name}: it must build in seconds"))
        .collect()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap_or_default()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    array(value).iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Metadata of a workspace given as `(package, dependencies, features)`.
    fn house(packages: &[(&str, Value, Value)]) -> Value {
        let listed: Vec<Value> = packages
            .iter()
            .map(|(name, dependencies, features)| {
                json!({"id": name, "name": name, "dependencies": dependencies, "features": features})
            })
            .collect();
        let members: Vec<&str> = packages.iter().map(|(name, ..)| *name).collect();
        json!({"packages": listed, "workspace_members": members, "resolve": {"nodes": []}})
    }

    fn on(name: &str) -> Value {
        json!({"name": name, "kind": null, "features": []})
    }

    const CORE: &str = "tenfold-core-tensor";

    #[test]
    fn arrows_down_are_fine() {
        let dev_flex = json!({"name": CORE, "kind": "dev", "features": ["flex"]});
        let sound = house(&[
            (CORE, json!([dev_flex]), json!({"default": ["tensor"], "flex": ["burn/flex"]})),
            ("tenfold-vision", json!([on(CORE), dev_flex]), json!({})),
            ("tenfold-resmem", json!([on(CORE), on("tenfold-vision")]), json!({})),
            ("tenfold-cli", json!([on("tenfold-resmem")]), json!({"default": ["flex"], "flex": []})),
            ("xtask", json!([on("clap")]), json!({})),
        ]);
        assert_eq!(check(&sound), Vec::<String>::new());
    }

    #[test]
    fn each_bad_arrow_is_named() {
        let empty = || json!({});
        let cases = [
            (CORE, "tenfold-data", "arrows point down only"),
            ("tenfold-resmem", "tenfold-mpc", "of its own floor"),
            ("tenfold-vision", "tenfold-data", "of its own floor"),
            ("tenfold-data", "tenfold-cli", "arrows point down only"),
            ("xtask", CORE, "outside the house"),
            ("tenfold-new", CORE, "has no floor"),
        ];
        for (from, to, rule) in cases {
            let faults = check(&house(&[(from, json!([on(to)]), empty()), (to, json!([]), empty())]));
            assert!(faults.len() == 1 && faults[0].contains(rule), "{from} -> {to}: {faults:?}");
        }
    }

    #[test]
    fn a_test_only_arrow_counts_too() {
        let dev = json!({"name": "tenfold-mpc", "kind": "dev", "features": []});
        let faults =
            check(&house(&[("tenfold-resmem", json!([dev]), json!({})), ("tenfold-mpc", json!([]), json!({}))]));
        assert_eq!(faults.len(), 1);
    }

    #[test]
    fn libraries_choose_no_back_end() {
        let through_another = json!({"default": ["fast"], "fast": ["flex"], "flex": ["burn/flex"]});
        let faults = check(&house(&[(CORE, json!([]), through_another)]));
        assert!(faults.iter().any(|fault| fault.contains("`flex`")), "{faults:?}");
        let enabled = json!([{"name": "burn", "kind": null, "features": ["wgpu"]}]);
        let faults = check(&house(&[("tenfold-vision", enabled, json!({}))]));
        assert!(faults.len() == 1 && faults[0].contains("burn enables the back end `wgpu`"), "{faults:?}");
    }

    #[test]
    fn what_works_on_arrays_stays_light() {
        assert_eq!(check_light("tenfold-cli v0.1.0 (/a)\nndarray v0.17.2 (*)\n"), Vec::<String>::new());
        let faults = check_light("ndarray v0.17.2\nburn-core v0.22.1\nburn-core v0.22.1 (*)\n");
        assert!(
            faults.len() == 1 && faults[0].starts_with("burn-core is compiled by tenfold-analysis or"),
            "{faults:?}"
        );
    }

    #[test]
    fn xtask_stays_light_through_any_number_of_steps() {
        let mut metadata = house(&[("xtask", json!([on("a")]), json!({}))]);
        let other = |name: &str| json!({"id": name, "name": name, "dependencies": [], "features": {}});
        metadata["packages"].as_array_mut().unwrap().extend([other("a"), other("burn-core"), other("burn-tensor")]);
        let edge = |to: &str, kind: Value| json!({"pkg": to, "dep_kinds": [{"kind": kind}]});
        metadata["resolve"] = json!({"nodes": [
            {"id": "xtask", "deps": [edge("a", Value::Null), edge("burn-tensor", json!("dev"))]},
            {"id": "a", "deps": [edge("burn-core", json!("build"))]},
        ]});
        assert_eq!(check(&metadata), ["xtask compiles burn-core: it must build in seconds"]);
    }
}
