//! Shapes, sizes and determinism of the networks.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use proptest::prelude::*;
use tenfold_core_tensor::seed::Seed;
use tenfold_vision::{
    Architecture, Classifier, ConvNetConfig, ImageShape, MlpConfig, Model, ResNetConfig, Shortcut, VisionError,
    parameter_count,
};

fn bytes(net: &Model) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    net.save(dir.path().join("a")).unwrap();
    std::fs::read(dir.path().join("a")).unwrap()
}

/// The sizes of the residual networks by arithmetic: kernels, two numbers per normalised channel, the last layer.
fn resnet_count(config: &ResNetConfig) -> usize {
    let base = (16.0 * config.width) as usize;
    let conv = |i: usize, o: usize, k: usize| i * o * k * k + 2 * o;
    let n = (config.depth - 2) / 6;
    let mut count = conv(config.image.channels, base, 3);
    for (stage, c) in [base, 2 * base, 4 * base].into_iter().enumerate() {
        count += (2 * n - 1) * conv(c, c, 3);
        count += if stage == 0 { conv(c, c, 3) } else { conv(c / 2, c, 3) };
        if stage > 0 && config.shortcut == Shortcut::Projection {
            count += conv(c / 2, c, 1);
        }
    }
    count + 4 * base * config.classes + config.classes
}

#[test]
fn parameter_counts_are_those_of_the_arithmetic() {
    let cifar = ImageShape::new(3, 32, 32);
    // The published sizes of the family with parameter-free shortcuts.
    let published = [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)];
    for (depth, expected) in published {
        assert_eq!(resnet_count(&ResNetConfig::new(depth, cifar, 10)), expected);
    }
    for depth in [8, 14, 20] {
        for width in [0.25, 1.0, 2.0] {
            for shortcut in [Shortcut::Subsample, Shortcut::Projection] {
                let image = ImageShape::new(1, 7, 9);
                let config = ResNetConfig::new(depth, image, 5).with_width(width).with_shortcut(shortcut);
                let net = config.init(Seed::new(1), &Device::flex()).unwrap();
                assert_eq!(parameter_count(&net), resnet_count(&config), "{config:?}");
            }
        }
    }
}

#[test]
fn a_network_counts_the_same_on_an_autodiff_device_and_in_inference_mode() {
    let config = ConvNetConfig::new(ImageShape::new(2, 8, 8), 3);
    let plain = config.init(Seed::new(1), &Device::flex()).unwrap();
    let tracked = config.init(Seed::new(1), &Device::flex().autodiff()).unwrap();
    assert_eq!(parameter_count(&plain), parameter_count(&tracked));
    assert_eq!(parameter_count(&plain), parameter_count(&tracked.valid()));
}

fn architectures(image: ImageShape, classes: usize) -> [Architecture; 4] {
    let resnet = ResNetConfig::new(8, image, classes).with_width(0.25);
    [
        MlpConfig::new(image.features(), &[7, 5], classes).into(),
        MlpConfig::new(image.features(), &[], classes).into(),
        resnet.clone().into(),
        resnet.with_shortcut(Shortcut::Projection).into(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_image_size_and_channel_count_will_do(
        (channels, height, width) in (1_usize..4, 1_usize..9, 1_usize..9),
        classes in 2_usize..5,
        batch in 1_usize..4,
    ) {
        let device = Device::flex();
        let image = ImageShape::new(channels, height, width);
        let mut all = architectures(image, classes).to_vec();
        if height.min(width) > 1 {
            all.push(ConvNetConfig::new(image, classes).with_width(3).into());
        }
        for architecture in all {
            let net = architecture.init(Seed::new(5), &device).unwrap();
            let out = net.forward(Tensor::ones([batch, channels, height, width], &device));
            prop_assert_eq!(out.logits.dims(), [batch, classes]);
            let features = match &architecture {
                Architecture::Mlp(config) => config.hidden.last().copied().unwrap_or(image.features()),
                Architecture::ConvNet(config) => 3 << (config.blocks - 1),
                Architecture::ResNet(_) => 16,
            };
            prop_assert_eq!(out.embedding.dims(), [batch, features]);
        }
    }
}

#[test]
fn same_seed_same_weights_and_another_seed_others() {
    for architecture in architectures(ImageShape::new(2, 6, 6), 3) {
        let make = |seed| bytes(&architecture.init(Seed::new(seed), &Device::flex()).unwrap());
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }
}

#[test]
fn a_saved_network_says_the_same_when_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let device = Device::flex();
    for (i, architecture) in architectures(ImageShape::new(2, 6, 6), 3).into_iter().enumerate() {
        let path = dir.path().join(format!("{i}.safetensors"));
        let net = architecture.init(Seed::new(9), &device).unwrap();
        net.save(&path).unwrap();
        let loaded = Model::load(&path, &device).unwrap();
        let x = Tensor::<4>::ones([2, 2, 6, 6], &device);
        let logits = |net: &Model| net.valid().forward(x.clone()).logits.into_data();
        logits(&net).assert_eq(&logits(&loaded), true);
        assert_eq!(bytes(&loaded), bytes(&net));
    }
}

#[test]
fn a_damaged_or_foreign_file_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net.safetensors");
    let device = Device::flex();
    let error = Model::load(&path, &device).unwrap_err();
    assert!(matches!(error, VisionError::File(_)) && error.to_string().contains("net.safetensors"), "{error}");

    let net = Architecture::from(MlpConfig::new(3, &[4], 2)).init(Seed::new(1), &device).unwrap();
    net.save(&path).unwrap();
    let mut damaged = std::fs::read(&path).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let error = Model::load(&path, &device).unwrap_err().to_string();
    assert!(error.contains("net.safetensors: sha256:"), "{error}");
    std::fs::write(&path, b"PK\x03\x04 not a model").unwrap();
    let error = Model::load(&path, &device).unwrap_err().to_string();
    assert!(error.contains("net.safetensors: header:"), "{error}");
}
