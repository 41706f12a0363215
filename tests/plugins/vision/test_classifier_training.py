"""The artifact of a training: deterministic, resumable, shared, and honest about collapse."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from vision_world import (
    IMAGES,
    SMALL,
    KilledOnce,
    Smoothed,
    Unlearning,
    are_equal,
    built,
    context_of,
    trained,
    weights_of,
)

import harness_vision.checkpoint
from harness.random.stream import Stream
from harness.runner import Settings, run
from harness.runner.prepare import prepare
from harness_vision.augmentation import crop_and_flip
from harness_vision.backbones import UnfitWeights, build
from harness_vision.batches import Batches, hidden_rows
from harness_vision.descent import Descent
from harness_vision.images import load
from harness_vision.networks import start_from
from harness_vision.recipe import TrainingCollapsed
from harness_vision.recipes.gaussian import Gaussian
from harness_vision.recipes.plain import Plain
from harness_vision.recipes.smoothadv import SmoothAdvDDN, SmoothAdvPGD

HERE = Path(__file__).parent
ADVERSARIAL = SmoothAdvPGD(epsilon=0.5, draws=2, **SMALL)


def test_a_model_is_a_function_of_its_seed(tmp_path):
    one, same = (trained(ADVERSARIAL, tmp_path / name) for name in ("one", "same"))
    other = trained(ADVERSARIAL, tmp_path / "other", seed=1)
    assert are_equal(one, same)
    assert not are_equal(one, other)


def test_torchs_own_generator_and_threads_are_left_alone(tmp_path):
    torch.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    trained(ADVERSARIAL, tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_a_network_loads_in_evaluation_mode_without_gradients(tmp_path):
    network = trained(Plain(**SMALL), tmp_path)
    assert not network.training
    assert not any(each.requires_grad for each in network.parameters())
    assert (tmp_path / "artifact/model.safetensors").is_file()


def test_a_training_learns_and_says_what_it_did(tmp_path):
    recipe = Gaussian(**SMALL | {"epochs": 8})
    network, metrics = built(recipe.model("digits", 0), tmp_path)
    test = load("digits", None, "test")
    with torch.no_grad():
        right = network(torch.from_numpy(test.pixels())).argmax(1).numpy() == test.labels
    assert right.mean() > 0.8
    assert metrics["train_accuracy"] > 0.8
    assert metrics["noisy_train_accuracy"] > 0.7
    assert 0 < metrics["training_loss"] < 1.0
    assert metrics["images_left_out"] == 1297 - 20 * 64
    assert metrics["train_cpu_s"] > 0
    assert metrics["train_s"] > 0


@pytest.mark.parametrize("kind", [SmoothAdvPGD, SmoothAdvDDN, Smoothed])
def test_a_training_that_goes_on_from_a_checkpoint_ends_in_the_same_bits(kind, tmp_path):
    short, long = ({**SMALL, "epochs": epochs, "decay_every": 2} for epochs in (1, 4))
    whole = trained(kind(draws=2, **long), tmp_path / "whole")
    trained(kind(draws=2, **short), tmp_path / "parts")  # leaves its state after 1 epoch
    resumed = trained(kind(draws=2, **long), tmp_path / "parts")
    assert are_equal(whole, resumed)


def test_a_training_that_was_killed_says_where_it_goes_on_and_ends_in_the_same_bits(
    tmp_path, capsys
):
    marker = tmp_path / "killed"
    script = (
        "import harness_vision.checkpoint as c; c.EVERY_S = 0\n"
        "from vision_world import *\n"
        f"recipe = KilledOnce(marker={str(marker)!r}, epoch=2, **SMALL | {{'epochs': 4}})\n"
        f"trained(recipe, Path({str(tmp_path / 'killed once')!r}))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=HERE, check=False)
    assert ended.returncode == -9
    assert marker.exists()
    assert (tmp_path / "killed once/checkpoint/training.safetensors").is_file()
    again = KilledOnce(marker=str(marker), epoch=2, **SMALL | {"epochs": 4})
    resumed, metrics = built(again.model("digits", 0, IMAGES), tmp_path / "killed once")
    assert "the training goes on after epoch 2 of 4, from " in capsys.readouterr().err
    assert metrics["resumed_after_epoch"] == 2
    assert metrics["train_s"] > 0
    whole, metrics = built(
        Plain(**SMALL | {"epochs": 4}).model("digits", 0, IMAGES), tmp_path / "w"
    )
    assert are_equal(resumed, whole)
    assert "resumed_after_epoch" not in metrics
    assert capsys.readouterr().err == ""


def test_a_torn_checkpoint_is_as_none(tmp_path):
    context = context_of(ADVERSARIAL.model("digits", 0, IMAGES), tmp_path / "torn")
    (context.checkpoint_dir / "training.safetensors").write_bytes(b"\x00\x01")
    torn = trained(ADVERSARIAL, tmp_path / "torn")
    assert are_equal(torn, trained(ADVERSARIAL, tmp_path / "whole"))


def test_checkpoints_are_written_when_they_are_due(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(harness_vision.checkpoint, "EVERY_S", 0.0)
    monkeypatch.setattr(
        harness_vision.checkpoint,
        "save_file",
        lambda tensors, path, metadata: (saved.append(metadata), Path(path).touch()),
    )
    trained(Plain(**SMALL), tmp_path)
    assert [each["progress"].split(",")[0] for each in saved] == [
        '{"epochs": 1',
        '{"epochs": 2',
        '{"epochs": 2',
    ]


def test_each_draw_is_an_optimizer_step_and_the_rate_falls_to_a_tenth(tmp_path, monkeypatch):
    rates = []
    monkeypatch.setattr(Descent, "step", lambda self, loss, rate: rates.append(rate))
    trained(Gaussian(draws=2, **SMALL | {"epochs": 5, "decay_every": 2}), tmp_path)
    steps = 2 * (IMAGES // 64)
    expected = [0.05, 0.05, 0.005, 0.005, 0.0005]
    assert rates == pytest.approx(np.repeat(expected, steps).tolist())


def test_images_that_are_normalised_already_are_refused(tmp_path, monkeypatch):
    images = load("digits", None, "train", limit=IMAGES)
    shifted = replace(images, raw=images.raw.astype(np.float32) - 8)
    monkeypatch.setattr("harness_vision.training.load", lambda *given, **how: shifted)
    with pytest.raises(ValueError, match=r"reach down to -0\.5: are they normalised"):
        trained(Plain(**SMALL), tmp_path)


def test_a_training_at_chance_says_so(tmp_path):
    _, at_chance = built(Unlearning(**SMALL).model("digits", 0, IMAGES), tmp_path / "one")
    recipe = Plain(**SMALL | {"epochs": 8})
    _, learned = built(recipe.model("digits", 0), tmp_path / "other")
    assert (at_chance["collapsed"], learned["collapsed"]) == (1.0, 0.0)


class Dropped(Plain):
    """Draws from torch's own generator, as a layer with dropout does."""

    def loss(self, net, images, labels, step):
        return super().loss(net, torch.nn.functional.dropout(images, 0.2), labels, step)


def test_what_layers_draw_is_named_by_the_epoch_and_leaves_no_trace(tmp_path):
    recipe = Dropped(**SMALL)
    weights = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            following = torch.rand(3)
        weights.append(trained(recipe, tmp_path / str(seed)))
        assert torch.equal(torch.rand(3), following)
    assert are_equal(*weights)
    trained(replace(recipe, epochs=1), tmp_path / "parts")
    assert are_equal(trained(recipe, tmp_path / "parts"), weights[0])
    assert not are_equal(trained(Plain(**SMALL), tmp_path / "whole"), weights[0])


def test_a_training_whose_loss_is_no_number_fails_and_names_the_epoch(tmp_path):
    with pytest.raises(TrainingCollapsed, match=r"loss is (nan|inf) in epoch \d of 2"):
        trained(Gaussian(**SMALL | {"lr": 1e6}), tmp_path)


def test_sigma_is_no_part_of_a_plain_model_and_of_all_others():
    models = [
        kind(sigma=sigma).model("digits", 0) for kind in (Plain, Gaussian) for sigma in (1, 2)
    ]
    assert models[0] == models[1]
    assert models[2] != models[3]


def test_a_whole_number_is_the_same_model_as_its_float():
    assert Gaussian(sigma=1).model("digits", 0) == Gaussian(sigma=1.0).model("digits", 0)
    assert Gaussian(sigma=0.25).model("digits", 0).parameters == {}


# Pseudo-labels


def pseudo(**changes):
    return Gaussian(hidden=0.5, labeller="plain", **SMALL | changes)


def test_half_of_the_labels_are_hidden_the_same_for_all_seeds():
    images = load("digits", None, "train", limit=IMAGES)
    hidden = hidden_rows(images, 0.5)
    assert len(hidden) == len(set(hidden)) == IMAGES // 2
    assert np.array_equal(hidden, hidden_rows(images, 0.5))
    assert 15 < (hidden < IMAGES // 2).sum() < 49  # drawn, not cut off: sd 2.8


def test_hidden_labels_come_from_a_model_of_the_others_shared_by_all_seeds(tmp_path):
    models = [pseudo(epochs=8).model("digits", seed, 0) for seed in (0, 1)]
    (labeller,) = models[0].inputs()
    assert models[1].inputs() == [labeller]
    assert (labeller.recipe, labeller.seed) == ("harness_vision.recipes.plain:Plain", None)
    assert labeller.left_out == 0.5
    assert labeller.inputs() == []
    context = context_of(models[0], tmp_path)
    models[0].build(context)
    assert context.built == [labeller.recipe]
    assert 0.7 < context.metrics["labeller_accuracy"] < 1.0


def test_a_labeller_never_sees_the_hidden_images(tmp_path, monkeypatch):
    seen = []
    original = Plain.loss

    def watched(self, net, images, labels, step):
        seen.append(images)
        return original(self, net, images, labels, step)

    monkeypatch.setattr(Plain, "loss", watched)
    (labeller,) = pseudo(last_batch="keep").model("digits", 0, IMAGES).inputs()
    built(labeller, tmp_path)
    images = load("digits", None, "train", limit=IMAGES)
    hidden = torch.from_numpy(images.pixels(hidden_rows(images, 0.5))).flatten(1)
    distances = torch.cdist(torch.cat(seen).flatten(1), hidden)
    known = set(range(IMAGES)) - set(hidden_rows(images, 0.5).tolist())
    assert distances.min() > 0
    assert sum(map(len, seen)) == 2 * len(known)


def test_true_labels_of_hidden_images_have_no_part_in_the_training(tmp_path, monkeypatch):
    honest = trained(pseudo(), tmp_path / "honest")
    images = load("digits", None, "train", limit=IMAGES)
    hidden = hidden_rows(images, 0.5)
    images.labels[hidden] = (images.labels[hidden] + 1) % 10
    monkeypatch.setattr("harness_vision.training.load", lambda *given, **how: images)
    assert are_equal(honest, trained(pseudo(), tmp_path / "lied to"))


def test_the_weight_of_pseudo_labels_counts(tmp_path):
    heavy = trained(pseudo(), tmp_path / "heavy")
    light = trained(pseudo(pseudo_weight=0.1), tmp_path / "light")
    assert not are_equal(heavy, light)


@given(
    st.integers(1, 90),
    st.integers(0, 90),
    st.integers(1, 5),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 2**30),
)
def test_an_epoch_has_every_known_image_at_most_once_and_as_many_pseudo_batches(
    known, pseudo, share, parts, drops, seed
):
    size = share * parts
    rows = np.arange(known + pseudo)
    try:
        batches = Batches(
            known=rows[:known],
            pseudo=rows[known:],
            size=size,
            parts=parts,
            drops_last=drops,
            pseudo_weight=0.5,
        )
    except ValueError:
        assert known < size or 0 < pseudo < size
        return
    epoch = batches.epoch(Stream(seed))
    given = [batch for batch in epoch if batch.weight == 1.0]
    labelled = [batch for batch in epoch if batch.weight == 0.5]
    seen = np.concatenate([batch.rows for batch in given])
    assert len(set(seen)) == len(seen) == known - batches.left_out
    assert seen.max() < known
    assert all(len(batch.rows) % parts == 0 for batch in epoch)
    assert batches.left_out < (size if drops else parts)
    assert len(labelled) == (len(given) if len(batches.pseudo) else 0)
    assert all(batch.rows.min() >= known for batch in labelled)


def test_images_that_make_no_batch_are_refused(tmp_path):
    with pytest.raises(ValueError, match="32 training images make no batch of 64"):
        trained(Plain(**SMALL), tmp_path, images=32)


# Starts


def test_a_pretrained_start_has_its_inner_layers_and_a_fresh_last_one():
    fresh, given = (build("small-cnn", classes=10, shape=(1, 8, 8), seed=seed) for seed in (1, 2))
    before = {name: each.clone() for name, each in weights_of(fresh).items()}
    start_from(fresh, given, keeps_last=False)
    after, theirs = weights_of(fresh), weights_of(given)
    kept = {name for name in after if torch.equal(after[name], theirs[name])}
    own = {name for name in after if torch.equal(after[name], before[name])}
    assert own == {"network.linear.weight", "network.linear.bias"}
    assert kept == set(after) - own


def test_a_last_layer_of_other_classes_stays_fresh():
    net = build("small-cnn", classes=3, shape=(1, 8, 8), seed=1)
    start_from(net, build("small-cnn", classes=10, shape=(1, 8, 8), seed=2), keeps_last=True)
    assert net(torch.zeros(1, 1, 8, 8)).shape == (1, 3)


@pytest.mark.parametrize(
    ("name", "shape", "normalise", "message"),
    [
        ("strided-cnn", (1, 8, 8), None, r"conv1\.weight is \(32, 1, 3, 3\)"),
        ("resnet20", (1, 8, 8), None, r"have no network\.\w+"),
        ("small-cnn", (1, 16, 16), None, r"hidden\.weight is \(64, 2048\)"),
        ("small-cnn", (1, 8, 8), "gray", "say normalise"),
    ],
)
def test_weights_of_another_network_are_refused_by_name(name, shape, normalise, message):
    net = build("small-cnn", classes=10, shape=(1, 8, 8), seed=1)
    given = build(name, classes=10, shape=shape, seed=2)
    if normalise:
        given.constants = ((0.5,), (0.5,))
    with pytest.raises(UnfitWeights, match=message):
        start_from(net, given, keeps_last=True)


def test_a_recipe_starts_from_its_own_model_of_another_set(tmp_path):
    recipe = SmoothAdvPGD(pretrained_on="digits", pretraining_epochs=1, epsilon=0.5, **SMALL)
    model = recipe.model("digits", 3, IMAGES)
    (before,) = model.inputs()
    assert before.seed is None
    assert before.trainer().epochs == 1
    assert before.trainer().epsilon == 0.5
    assert not before.trainer().pretrained_on
    network, _ = built(model, tmp_path / "begun")
    assert not are_equal(network, trained(SmoothAdvPGD(epsilon=0.5, **SMALL), tmp_path / "fresh"))


# Augmentation and devices


def test_crops_are_shifted_or_mirrored_windows_of_the_padded_image():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(60, 3, 16, 16, generator=generator)
    moved = crop_and_flip(images, generator)
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    found = set()
    for image, window in zip(padded, moved, strict=True):
        places = {
            (top, left, mirrored)
            for top in range(5)
            for left in range(5)
            for mirrored in (False, True)
            if torch.equal(
                window,
                image[:, top : top + 16, left : left + 16].flip(2)
                if mirrored
                else image[:, top : top + 16, left : left + 16],
            )
        }
        assert len(places) == 1
        found |= places
    assert {top for top, _, _ in found} == {left for _, left, _ in found} == set(range(5))
    assert {mirrored for _, _, mirrored in found} == {False, True}


PRECISIONS = """
import torch
from harness_vision.arithmetic import exact_kernels
b = torch.backends
parts = [b.cudnn.conv, b.cudnn.rnn, b.cuda.matmul, b.mkldnn.conv, b.mkldnn.rnn, b.mkldnn.matmul]
{ask}
before = [part.fp32_precision for part in parts], b.cudnn.benchmark, b.cudnn.deterministic
with exact_kernels(repeat=True):
    assert [part.fp32_precision for part in parts] == ["ieee"] * 6
    assert (b.cudnn.benchmark, b.cudnn.deterministic) == (False, True)
assert before == ([part.fp32_precision for part in parts], b.cudnn.benchmark, b.cudnn.deterministic)
{again}
"""


@pytest.mark.parametrize(
    ("ask", "again"),
    [
        ("", "b.cudnn.allow_tf32, b.cuda.matmul.allow_tf32"),
        ("b.fp32_precision = 'tf32'", ""),
        ("b.cudnn.conv.fp32_precision = 'ieee'", ""),
        ("b.cuda.matmul.fp32_precision = 'tf32'", ""),
        ("torch.set_float32_matmul_precision('medium'); b.cudnn.benchmark = True", ""),
        ("b.cuda.matmul.allow_tf32 = True", "assert b.cuda.matmul.allow_tf32"),
    ],
)
def test_float32_is_float32_however_less_was_asked_for_and_is_less_again_afterwards(ask, again):
    """In a process of its own: torch refuses to mix its old and its new flags."""
    script = PRECISIONS.format(ask=ask, again=again)
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)


# Suites

SUITE = """suite: trainings
plugins: [{here}/vision_world.py]
hardware: {{any: {{cpus: 1}}}}
defaults: {{hardware: any, seeds: 2}}
entries:
  - task: world/errors
    methods: &models
      - world/gaussian: {settings}
      - world/smoothed: {settings}
  - task: world/surprise
    methods: *models
"""


def suite_run(folder, text):
    path = folder / "trainings.yaml"
    path.write_text(text)
    return run(path, settings=Settings(results=folder / "results", inline=True))


def test_two_tasks_that_certify_one_model_train_it_once(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    settings = "{epochs: 2, batch: 64, lr: 0.05, on_collapse: keep}"
    ended = suite_run(tmp_path, SUITE.format(here=HERE, settings=settings))
    cells = pq.read_table(ended.path / "cells.parquet").to_pandas()
    artifacts = pq.read_table(ended.path / "artifacts.parquet").to_pandas()
    measured = pq.read_table(ended.path / "measurements.parquet").to_pandas()
    seconds = measured[measured.metric == "train_s"].value
    assert list(cells.status) == ["ok"] * 8
    assert len(artifacts) == 4
    assert set(artifacts.name) == {"vision/trained-classifier"}
    assert seconds.nunique() == 4
    assert len(seconds) == 8


def test_a_collapsed_training_fails_its_cells_and_is_not_averaged(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    text = SUITE.format(here=HERE, settings="{epochs: 1, batch: 64}").split("  - task: world/surp")
    ended = suite_run(tmp_path, text[0].replace("world/smoothed", "world/unlearning"))
    cells = pq.read_table(ended.path / "cells.parquet").to_pandas()
    failed = cells[cells.method == "world/unlearning"]
    assert list(failed.status) == ["failed"] * 2
    assert failed.error_message.str.contains("the training ended at chance").all()


def test_a_model_of_a_gpu_is_planned_for_one_and_shared_with_cells_on_cpus(tmp_path):
    text = SUITE.format(here=HERE, settings="{trained_on: cuda}").replace(
        "any: {cpus: 1}", "any: {cpus: 1}, gpu: {cpus: 1, gpus: 1}"
    )
    (tmp_path / "suite.yaml").write_text(
        text + "  - {task: world/errors, methods: *models, hardware: gpu}\n"
    )
    plan = prepare(tmp_path / "suite.yaml").plan
    assert {each.device for each in plan.specs} == {"cpu", "cuda"}
    assert [each.device for each in plan.artifacts] == ["cuda"] * 4  # two recipes, two seeds


def test_a_model_of_a_gpu_is_refused_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = Plain(trained_on="cuda", **SMALL).model("digits", 0)
    context = context_of(model, tmp_path)
    context.device = model.device()
    with pytest.raises(
        ValueError, match=r"trained on a GPU and torch .* (finds none here|was built without CUDA)"
    ):
        model.build(context)


STRANGE = """from harness import hookimpl
from harness_vision.recipes.plain import Plain
class Strange(Plain):
    def loss(self, net, images, labels, step):
        return {weight} * super().loss(net, images, labels, step)
@hookimpl
def harness_methods():
    return {{"strange/recipe": "strange_recipe:Strange"}}
"""


def test_the_code_of_a_recipe_counts_as_the_models_own(tmp_path):
    text = SUITE.format(here=HERE, settings="{}").split("  - task: world/surp")[0]
    text = text.replace("world/gaussian", "world/plain")
    text = text.replace("world/smoothed", "strange/recipe")
    text = text.replace("vision_world.py]", f"vision_world.py, {tmp_path}/strange_recipe.py]")
    suite, strange = tmp_path / "suite.yaml", tmp_path / "strange_recipe.py"
    suite.write_text(text)
    found = []
    for weight in (1.0, 1.0, 2.0):
        strange.write_text(STRANGE.format(weight=weight))
        specs = prepare(suite).plan.specs
        found.append({each.method: each.artifacts[0] for each in specs})
    assert found[0] == found[1]
    assert found[0]["world/plain"] == found[2]["world/plain"]
    assert found[0]["strange/recipe"] != found[2]["strange/recipe"]
