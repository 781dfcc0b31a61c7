//! Reads the full data sets that this machine has, and says which it has not.

use tenfold_data::catalogue::{Format, all, data_root, load};
use tenfold_data::{Standardiser, check_classes, features};

#[test]
fn installed_sets_are_what_the_catalogue_says() {
    let root = data_root();
    for entry in all() {
        if !entry.is_installed(&root) {
            eprintln!("skipped: {} is not in {} ({})", entry.name, root.display(), entry.how_to_get());
            continue;
        }
        if let Format::Features { class_names } = entry.format {
            let set = features::load(entry.name, &root).unwrap();
            assert_eq!((set.train.x.dim(), set.test.len()), ((entry.n_train, entry.shape.features()), entry.n_test));
            assert_eq!(set.class_names, class_names);
            continue;
        }
        let data = load(entry.name, &root).unwrap();
        assert_eq!(data.source.name, entry.name);
        assert_eq!((data.train.len(), data.test.len()), (entry.n_train, entry.n_test), "{}", entry.name);
        for images in [&data.train, &data.test] {
            assert_eq!(images.shape(), entry.shape);
            assert_eq!(images.n_classes(), entry.n_classes);
            assert!(check_classes(images.labels(), entry.n_classes).is_empty());
        }
        if data.source.title == "Fashion-MNIST" {
            // The two numbers that everyone standardises this set with.
            let standardiser = Standardiser::fit(&data.train);
            assert_eq!(format!("{:.4}", standardiser.mean()[0]), "0.2860");
            assert_eq!(format!("{:.4}", standardiser.sd()[0]), "0.3530");
        }
    }
}
