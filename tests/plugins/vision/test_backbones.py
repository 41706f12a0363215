"""Backbones: sizes, names and arithmetic as published; weights that fit, and no others."""

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from image_files import Runs
from safetensors.torch import load_file, save_file
from torch import nn

from harness.data import describe, locate
from harness_vision.backbones import (
    Backbone,
    UnfitWeights,
    UnsafeWeights,
    build,
    load_weights,
    parameters_of,
    pretrained,
    refuse_unknown,
    save_weights,
    timm_models,
)
from harness_vision.datasets import DATA_SETS
from harness_vision.images import load

COLOUR = (3, 32, 32)
REAL = os.environ.get("HARNESS_DATA", "")
needs_weights = pytest.mark.skipif(
    not (REAL and (Path(REAL) / "cifar10-resnet").is_dir()),
    reason="the pretrained networks are not under HARNESS_DATA",
)


def images(count=4, shape=COLOUR, seed=0):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "shape", "how", "count"),
    [
        ("small-cnn", (1, 8, 8), {}, 38_282),
        ("resnet20", COLOUR, {}, 272_474),
        ("resnet20", COLOUR, {"shortcut": "A"}, 269_722),
        ("cifar10-resnet20", COLOUR, {}, 269_722),
        ("resnet56", COLOUR, {}, 855_770),
        ("cifar10-resnet56", COLOUR, {}, 853_018),
        ("resnet110", COLOUR, {}, 1_730_714),
    ],
)
def test_parameters_are_as_many_as_published(name, shape, how, count):
    net = build(name, shape, 10, **how)
    assert parameters_of(net) == count
    assert net.eval()(images(2, shape)).shape == (2, 10)


def test_resnet50_has_torchvisions_names_and_size():
    net = build("resnet50", (3, 64, 64), 1000)
    state = net.network.state_dict()
    assert parameters_of(net) == 25_557_032
    assert len(state) == 320
    assert state["layer3.5.conv3.weight"].shape == (1024, 256, 1, 1)
    assert state["layer4.0.downsample.0.weight"].shape == (2048, 1024, 1, 1)
    assert state["fc.weight"].shape == (1000, 2048)
    assert net.network.layer2[0].conv2.stride == (2, 2)
    assert net.eval()(images(1, (3, 64, 64))).shape == (1, 1000)


def test_convolutions_of_the_residual_networks_begin_with_the_papers_variance():
    weight = build("resnet20", COLOUR, 10, seed=1).network.layer3[1].conv1.weight
    assert weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)


def test_option_a_takes_every_second_pixel_and_pads_channels_on_both_sides():
    block = build("resnet20", COLOUR, 10, shortcut="A").network.layer2[0].eval()
    nn.init.zeros_(block.bn2.weight)  # only the shortcut is left
    inner = images(2, (16, 32, 32))
    out = block(inner)
    assert out.shape == (2, 32, 16, 16)
    assert torch.equal(out[:, 8:24], inner[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()


@pytest.mark.parametrize(
    ("normalise", "mean", "std"),
    [
        (None, (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
        ("imagenet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("imagenet-mean", (0.485, 0.456, 0.406), (1.0, 1.0, 1.0)),
        ("none", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    ],
)
def test_normalisation_is_the_first_layer_and_no_weight(normalise, mean, std):
    net = build("strided-cnn", COLOUR, 10, normalise=normalise, seed=2)
    pixels = images()
    by_hand = torch.stack([(pixels[:, c] - mean[c]) / std[c] for c in range(3)], dim=1)
    assert torch.allclose(net(pixels), net.network(by_hand), atol=1e-5)
    assert not [name for name in net.state_dict() if "mean" in name or "std" in name]


def test_grey_images_are_not_normalised_unless_told_and_not_in_colour():
    assert build("small-cnn", (1, 28, 28), 10).constants is None
    assert build("resnet20", (1, 28, 28), 10).constants is None
    with pytest.raises(ValueError, match="3 channels, images have 1: say normalise: none"):
        build("small-cnn", (1, 28, 28), 10, normalise="cifar10")


def test_a_seed_fixes_the_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, same, other = (build("small-cnn", (1, 8, 8), 10, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.network.conv1.weight, same.network.conv1.weight)
    assert not torch.equal(one.network.conv1.weight, other.network.conv1.weight)


def test_bf16_and_channels_last_are_the_same_network_in_other_arithmetic():
    plain = build("resnet20", COLOUR, 10, seed=3).eval()
    last = build("resnet20", COLOUR, 10, seed=3, channels_last=True).eval()
    half = build("resnet20", COLOUR, 10, seed=3, bf16=True).eval()
    logits = plain(images())
    assert torch.allclose(last(images()), logits, atol=1e-4)
    assert last.network.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    assert half(images()).dtype == torch.float32
    off = (half(images()) - logits).abs().max() / logits.abs().max()
    assert 0.0 < off < 0.05


@pytest.mark.parametrize(
    ("name", "how", "told"),
    [
        ("resnet19", {}, "there is no backbone 'resnet19'; there are small-cnn"),
        ("resnet20", {"shortcut": "C"}, "shortcut must be A or B"),
        ("strided-cnn", {"shortcut": "A"}, "shortcut is of the CIFAR ResNets, strided-cnn has no"),
        ("resnet20", {"normalise": "mnist"}, "normalise must be one of none, cifar10"),
    ],
)
def test_unknown_names_are_refused(name, how, told):
    with pytest.raises(ValueError, match=told):
        build(name, COLOUR, 10, **how)


# timm


def test_timm_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(timm_models, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install timm torchvision"):
        build("timm/resnet18", COLOUR, 10)


@pytest.fixture
def timm(monkeypatch):
    """A timm of two models, and what it is asked for."""
    module = ModuleType("timm")
    module.asked = {}
    made = nn.Sequential(nn.Flatten(), nn.Linear(3072, 7))
    made.default_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    module.made = made
    module.list_models = lambda *pattern: ["tiny", "tiny_vit"]
    module.create_model = lambda name, **how: module.asked.update(how) or made
    fixed = {"tiny": SimpleNamespace(), "tiny_vit": SimpleNamespace(fixed_input_size=True)}
    module.models = SimpleNamespace(get_pretrained_cfg=fixed.get)
    monkeypatch.setitem(sys.modules, "timm", module)
    monkeypatch.setattr(timm_models, "find_spec", lambda name: True)
    return module


def test_a_model_of_timm_comes_with_its_own_normalisation(timm):
    net = build("timm/tiny", COLOUR, 7)
    assert timm.asked == {"pretrained": False, "num_classes": 7, "in_chans": 3}
    assert torch.allclose(net(images()), timm.made((images() - 0.5) / 0.25))
    with pytest.raises(ValueError, match=r'timm has no model "huge"; there are tiny'):
        build("timm/huge", COLOUR, 7)


def test_a_model_of_one_size_is_made_for_the_images(timm):
    build("timm/tiny_vit", COLOUR, 7)
    assert timm.asked["img_size"] == (32, 32)


def test_a_timm_that_cannot_be_imported_is_told_at_planning(tmp_path, monkeypatch):
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms is gone')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.setattr(timm_models, "find_spec", lambda name: True)
    with pytest.raises(ValueError, match=r"nms is gone.*is torchvision the one that belongs"):
        refuse_unknown("timm/resnet18")


# Weights


def renamed(state, **how):
    """``state`` with parts of its names replaced."""
    found = {}
    for name, each in state.items():
        for old, new in how.items():
            name = name.replace(old, new)
        found[name] = each
    return found


def same(one: Backbone, other: Backbone):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


WRITTEN = {
    "ours.safetensors": save_weights,
    "with-prefix.safetensors": lambda net, path: save_file(net.state_dict(), str(path)),
    "plain.pt": lambda net, path: torch.save(net.network.state_dict(), path),
    "nested.pt": lambda net, path: torch.save(
        {"epoch": 9, "state_dict": net.network.state_dict()}, path
    ),
    "parallel.pt": lambda net, path: torch.save(
        {f"1.module.{name}": each for name, each in net.network.state_dict().items()}, path
    ),
    "other-names.pt": lambda net, path: torch.save(
        renamed(net.network.state_dict(), shortcut="downsample", linear="fc"), path
    ),
}


@pytest.mark.parametrize("file", WRITTEN)
def test_weights_come_back_from_every_safe_form(tmp_path, file):
    net, other = (build("resnet20", COLOUR, 10, seed=seed) for seed in (1, 2))
    WRITTEN[file](net, tmp_path / file)
    load_weights(other, tmp_path / file)
    assert same(net, other)


def test_weights_of_another_shortcut_are_refused_and_nothing_is_loaded(tmp_path):
    with_a = build("resnet20", COLOUR, 10, shortcut="A", seed=1)
    with_b = build("resnet20", COLOUR, 10, shortcut="B", seed=2)
    save_weights(with_a, tmp_path / "a.safetensors")
    save_weights(with_b, tmp_path / "b.safetensors")
    with pytest.raises(UnfitWeights, match=r"has no layer2\.0\.shortcut\.0\.weight.*shortcut: A"):
        load_weights(with_b, tmp_path / "a.safetensors")
    with pytest.raises(UnfitWeights, match=r"network has no layer2\.0\.shortcut.*shortcut: B"):
        load_weights(with_a, tmp_path / "b.safetensors")
    assert same(with_b, build("resnet20", COLOUR, 10, shortcut="B", seed=2))


def _written(folder, name, shape):
    path = folder / f"{name}.safetensors"
    save_weights(build(name, shape, 10), path)
    return path


def test_what_does_not_fit_is_named(tmp_path):
    net = build("small-cnn", (1, 8, 8), 10)
    state = net.network.state_dict()
    save_weights(build("small-cnn", (1, 8, 8), 7), tmp_path / "seven.safetensors")
    with pytest.raises(UnfitWeights, match=r"linear\.weight is \(7, 64\).* know 7 .* have 10$"):
        load_weights(net, tmp_path / "seven.safetensors")
    save_weights(build("small-cnn", (3, 8, 8), 10), tmp_path / "colour.safetensors")
    with pytest.raises(UnfitWeights, match=r"conv1\.weight is .*of 3 channels, these have 1$"):
        load_weights(net, tmp_path / "colour.safetensors")
    with pytest.raises(UnfitWeights, match=r"of 1 channel, these have 3$"):
        load_weights(build("resnet20", COLOUR, 10), _written(tmp_path, "resnet20", (1, 8, 8)))
    save_file({k: v for k, v in state.items() if k != "conv2.bias"}, tmp_path / "w.safetensors")
    with pytest.raises(UnfitWeights, match=r"it has no conv2\.bias$"):
        load_weights(net, tmp_path / "w.safetensors")
    torch.save({**state, "conv1.bias": torch.full((16,), float("nan"))}, tmp_path / "nan.pt")
    with pytest.raises(UnfitWeights, match=r"conv1\.bias holds numbers that are not finite"):
        load_weights(net, tmp_path / "nan.pt")
    torch.save({**state, "0.means": torch.zeros(3)}, tmp_path / "twice.pt")
    with pytest.raises(UnfitWeights, match=r"0\.means.*normalised twice"):
        load_weights(net, tmp_path / "twice.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(UnfitWeights, match="no state dict but list"):
        load_weights(net, tmp_path / "list.pt")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_a_file_that_is_cut_short_is_refused(tmp_path, name):
    net = build("small-cnn", (1, 8, 8), 10)
    if name.endswith("pt"):
        torch.save(net.network.state_dict(), tmp_path / name)
    else:
        save_weights(net, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnfitWeights, match=name):
        load_weights(net, tmp_path / name)


def test_a_checkpoint_that_would_run_code_is_refused_and_not_run(tmp_path):
    net = build("small-cnn", (1, 8, 8), 10)
    mark = tmp_path / "mark"
    torch.save({"state_dict": net.network.state_dict(), "hook": Runs(mark)}, tmp_path / "w.pt")
    with pytest.raises(UnsafeWeights, match=r"not loaded\. Where you trust it.*safetensors"):
        load_weights(net, tmp_path / "w.pt")
    assert not mark.exists()


# The real ones


@needs_weights
@pytest.mark.parametrize(
    ("name", "logit", "tensors"),
    [("cifar10-resnet20", 23.73, 97), ("cifar10-resnet56", 19.44, 277)],
)
def test_the_pretrained_networks_give_the_known_logit(name, logit, tensors):
    describe(DATA_SETS)
    assert len(load_file(locate(name))) == tensors
    first = load("cifar10-4000", locate, "test", limit=1)
    net = pretrained(name, locate)
    assert not net.training
    logits = net(torch.from_numpy(first.pixels()))[0]
    assert logits[3].item() == pytest.approx(logit, abs=0.01)
    assert int(logits.argmax()) == first.labels[0]


@needs_weights
def test_resnet20_is_right_as_often_as_it_was_measured():
    describe(DATA_SETS)
    test = load("cifar10-4000", locate, "test")
    net = pretrained("cifar10-resnet20", locate)
    right = 0
    with torch.no_grad():
        for start in range(0, 1000, 250):
            part = slice(start, start + 250)
            classes = net(torch.from_numpy(test.pixels(part))).argmax(dim=1).numpy()
            right += int((classes == test.labels[part]).sum())
    assert right == 915


def test_unknown_pretrained_weights_are_refused():
    with pytest.raises(ValueError, match="there are cifar10-resnet20, cifar10-resnet56"):
        pretrained("resnet20", locate)
