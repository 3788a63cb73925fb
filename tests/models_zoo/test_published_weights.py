import pytest

from models_zoo.published_weights import UnknownWeightsError, find_published_weights
from models_zoo.torchvision_mend import torchvision
from models_zoo.torchvision_models import TORCHVISION
from models_zoo.zoo import build_network


@pytest.mark.parametrize("name", ["imagenet", "IMAGENET1K_V1", "ResNet18_Weights.IMAGENET1K_V1"])
def test_torchvisions_weights_have_three_names(name: str):
    found = find_published_weights("resnet18", name)
    assert found.name == "ResNet18_Weights.IMAGENET1K_V1"
    assert found.file_name == "resnet18-f37072fd.pth"
    assert found.sha256 == "f37072fd"
    assert found.classes[:2] == ("tench", "goldfish")
    assert found.top1 == 69.758
    assert found.preprocessing == {
        "image_size": 224,
        "resize": 256,
        "interpolation": "bilinear",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }


def test_every_network_of_torchvision_has_weights_and_all_have_a_checksum():
    for arch in TORCHVISION:
        found = find_published_weights(arch, "imagenet")
        assert found.name == str(torchvision.models.get_model_weights(arch).DEFAULT)
        assert len(found.sha256) >= 8
        assert len(found.classes) == 1000
        assert find_published_weights(None, found.name) == found  # for a user's own network, by its full name


def test_timms_weights_are_named_by_tag_or_in_full():
    for name in ("imagenet", "lamb_in1k", "mobilenetv3_small_100.lamb_in1k", "timm/mobilenetv3_small_100.lamb_in1k"):
        found = find_published_weights("timm/mobilenetv3_small_100", name)
        assert found.name == found.repository == "timm/mobilenetv3_small_100.lamb_in1k"
        assert found.timm_config
        assert found.timm_config["crop_pct"] == 0.875
        assert found.classes[0] == "tench"
    assert find_published_weights(None, found.name).url == found.url


@pytest.mark.parametrize(
    ("arch", "name", "message"),
    [
        ("resnet18", "IMAGENET1K_V2", r"resnet18 has no weights 'IMAGENET1K_V2'; it has IMAGENET1K_V1 \(imagenet:"),
        ("resnet18", "ResNet50_Weights.IMAGENET1K_V1", "resnet18 has no weights 'ResNet50_Weights"),
        ("channelnet_v1", "imagenet", "channelnet_v1 has no published weights"),
        ("timm/resnet18", "a9_in1k", r"timm/resnet18 has no weights 'a9_in1k'; it has .*a1_in1k"),
        (None, "imagenet", "for your own network: give their full name"),
        (None, "resnet18.bin", "for your own network: give their full name"),  # a function of torchvision.models
        (None, "FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1", "no weights of an image classifier"),
        (None, "Raft_Large_Weights.DEFAULT", "no weights of an image classifier"),
        ("timm/vit_base_patch16_224", "timm/resnet18.a1_in1k", "timm/vit_base_patch16_224 has no weights"),
    ],
)
def test_a_name_that_is_none_says_which_there_are(arch: str | None, name: str, message: str):
    with pytest.raises(UnknownWeightsError, match=message):
        find_published_weights(arch, name)


def test_published_weights_fit_images_of_any_size():
    published = torchvision.models.resnet18(num_classes=3).state_dict()
    small = build_network("resnet18", classes=3, image_size=32, published=True).state_dict()
    assert {name: value.shape for name, value in small.items()} == {n: value.shape for n, value in published.items()}
