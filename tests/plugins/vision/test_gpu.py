"""Training and certifying on a GPU: nothing is left behind on the processor, nothing differs.

On a simulated card always; what a real one must show, where there is one.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from simulated_gpu import OnCard, simulated_gpu
from smoothing_models import Job
from vision_world import IMAGES, SMALL, are_equal, built, context_of, trained

from harness.api.cell import Cell
from harness_vision import attacks
from harness_vision.certification import noise
from harness_vision.certification.data_sets import Digits
from harness_vision.certification.noise import GeneratedSource, Source
from harness_vision.pretrained import CleanAccuracy
from harness_vision.recipes.consistency import Consistency
from harness_vision.recipes.gaussian import Gaussian
from harness_vision.recipes.macer import Macer
from harness_vision.recipes.plain import Plain
from harness_vision.recipes.smoothadv import SmoothAdvDDN, SmoothAdvPGD
from harness_vision.recipes.stability import Stability

RECIPES = {
    "plain": Plain(**SMALL),
    "gaussian": Gaussian(draws=2, **SMALL),
    "stability": Stability(**SMALL),
    "consistency": Consistency(**SMALL),
    "macer": Macer(draws=4, **SMALL),
    "smoothadv-pgd": SmoothAdvPGD(epsilon=0.5, draws=2, steps=2, **SMALL),
    "smoothadv-ddn": SmoothAdvDDN(epsilon=0.5, draws=2, steps=2, **SMALL),
    "pseudo-labels": Gaussian(hidden=0.5, labeller="plain", **SMALL),
    "a start from another model": Plain(
        pretrained_on="digits", pretraining_epochs=1, backbone="small-cnn", **SMALL
    ),
    "a deep network": Gaussian(backbone="resnet20", augment="crop-flip", **SMALL),
}


def built_on_cuda(recipe, folder, *, images=IMAGES, machine=nullcontext):
    """The artifact, built on ``cuda`` of a machine and loaded outside, and what it reported."""
    model = recipe.model("digits", 0, images)
    context = context_of(model, folder)
    context.device = "cuda"
    with machine() as card:
        model.build(context)
    return model.load(context.folder), context.metrics, card


def trained_on_card(recipe, folder, *, images=IMAGES):
    """The same on the simulated card, and how often that was waited for."""
    network, metrics, card = built_on_cuda(recipe, folder, images=images, machine=simulated_gpu)
    return network, metrics, card.fetches


def test_the_simulated_card_keeps_its_numbers_apart():
    with simulated_gpu() as card:
        there, here = torch.ones(3, device="cuda"), torch.ones(3)
        assert type(there) is OnCard
        assert float((there + there).sum()) == 6.0
        assert card.fetches == 1
        for refused in (
            lambda: there + here,
            lambda: here.add_(there),
            lambda: torch.stack([here, there]),
            lambda: there.normal_(generator=torch.Generator()),
            lambda: here.normal_(generator=torch.Generator("cuda")),
            lambda: torch.nn.Linear(3, 1)(there),
        ):
            with pytest.raises(RuntimeError, match="of another device"):
                refused()
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
        assert (there * torch.tensor(2.0)).cpu().tolist() == [2.0] * 3  # a number alone
        assert there[torch.tensor([0, 2])].shape == (2,)  # indices


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_a_training_on_a_card_gives_the_bits_of_one_on_the_processor(recipe, tmp_path):
    network, metrics, _ = trained_on_card(recipe, tmp_path / "card")
    assert {type(each) for each in network.state_dict().values()} == {torch.Tensor}
    model = recipe.model("digits", 0, IMAGES)
    expected, told = built(model, tmp_path / "processor")
    assert are_equal(network, expected)
    seconds = {"train_s", "train_cpu_s"}
    assert {name: metrics[name] for name in told.keys() - seconds} == {
        name: told[name] for name in told.keys() - seconds
    }


def drawn(slope, directions):
    """What an attack does where a slope is 0."""
    return torch.empty_like(slope).normal_(generator=directions)


@pytest.mark.parametrize("name", ["smoothadv-pgd", "smoothadv-ddn"])
def test_directions_that_an_attack_draws_are_drawn_on_the_card(name, tmp_path, monkeypatch):
    recipe = replace(RECIPES[name], epsilon=4.0, steps=4)
    sloped = trained(recipe, tmp_path / "sloped")
    monkeypatch.setattr(attacks, "_unit", drawn)
    network, _, _ = trained_on_card(recipe, tmp_path / "card")
    assert are_equal(network, trained(recipe, tmp_path / "processor"))
    assert not are_equal(network, sloped)


@pytest.mark.parametrize("recipe", [RECIPES["plain"], RECIPES["gaussian"]])
def test_a_training_waits_for_the_card_once_an_epoch(recipe, tmp_path):
    waits = []
    for epochs, images in ((1, 128), (1, 384), (3, 384)):
        longer = replace(recipe, epochs=epochs)
        found = trained_on_card(longer, tmp_path / f"{epochs} {images}", images=images)
        waits.append(found[2])
    assert waits[0] == waits[1]  # three times as many batches
    assert waits[2] - waits[1] == 2


@pytest.mark.parametrize("recipe", [RECIPES["smoothadv-pgd"], RECIPES["a deep network"]])
def test_a_training_on_a_card_goes_on_from_its_checkpoint(recipe, tmp_path):
    trained_on_card(replace(recipe, epochs=1), tmp_path / "parts")
    resumed, metrics, _ = trained_on_card(replace(recipe, epochs=3), tmp_path / "parts")
    assert metrics["resumed_after_epoch"] == 1
    assert are_equal(resumed, trained(replace(recipe, epochs=3), tmp_path / "whole"))


class OnProcessor(Source):
    """The card's noise where the processor certifies."""

    def __init__(self, stream):
        self.source = GeneratedSource(stream, "cpu")

    def write(self, rows, image, sigma):
        self.source.write(torch.from_numpy(rows), torch.from_numpy(image), sigma)


class Given(Gaussian):
    """A trained network."""

    def network(self, cell, dataset, images=0):
        return self.kept

    def training(self, cell, dataset, images=0):
        return {}


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    network = trained(Gaussian(**SMALL | {"epochs": 6}), tmp_path_factory.mktemp("m"), images=0)

    class Kept(Given):
        kept = network

    return Kept()


TASKS = {
    "by the sequential rule": Digits(limit=40, n=2_000),
    "by the fixed rule": Digits(limit=40, n=500, rule="fixed"),
    "and its certificates attacked": Digits(
        limit=20, n=500, attack="certificates", factor=1.5, attack_steps=3, attack_draws=2
    ),
    "and attacked": Digits(limit=20, n=500, attack="empirical", attack_steps=3, attack_draws=2),
    "in bfloat16 and channels last": Digits(
        limit=40, n=500, precision="bfloat16", channels_last=True
    ),
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
def test_what_is_certified_on_a_card_is_what_the_processor_certifies(
    task, given, tmp_path, monkeypatch
):
    there, here = on_both(task, given, tmp_path, monkeypatch)
    assert there == here
    assert {type(each.data) for each in given.kept.parameters()} == {torch.Tensor}, "it was moved"
    assert sum(line["radius"] > 0 for line in here[0].values()) > 5


def test_directions_of_an_attack_on_certificates_are_drawn_on_the_card(
    given, tmp_path, monkeypatch
):
    monkeypatch.setattr(attacks, "_unit", drawn)
    there, here = on_both(TASKS["and attacked"], given, tmp_path, monkeypatch)
    assert there == here


def test_clean_accuracy_is_that_of_the_processor(given, tmp_path, monkeypatch):
    there, here = on_both(CleanAccuracy(dataset="digits"), given, tmp_path, monkeypatch)
    assert there == here


def on_both(task, method, parent, monkeypatch):
    """What a cell tells, certified on the card and on the processor with the card's noise."""
    told = []
    for name, device, source in (
        ("card", "cuda", noise.AddressedSource),
        ("processor", "cpu", OnProcessor),
    ):
        (parent / name).mkdir()
        monkeypatch.setattr(noise, "AddressedSource", source)
        with simulated_gpu() as card:
            (outcome,) = task.evaluate(method, [Cell(0, Job(parent / name, device))])
        assert bool(card.fetches) == (device == "cuda")
        told.append((without_time(outcome.records), outcome.items, outcome.curves))
    return told


def without_time(records):
    return {name: json.loads(line) | {"time_s": 0} for name, line in records.items()}


# On a card


real = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


@real
def test_trainings_on_a_real_card_repeat_to_the_bit_and_load_on_the_processor(tmp_path):
    for name, recipe in RECIPES.items():
        network, metrics, _ = built_on_cuda(recipe, tmp_path / name / "one")
        again, _, _ = built_on_cuda(recipe, tmp_path / name / "two")
        assert are_equal(network, again), name
        assert {each.device.type for each in network.state_dict().values()} == {"cpu"}
        assert np.isfinite(metrics["training_loss"])


@real
def test_what_a_real_card_trained_and_certified_agrees_with_the_processor(tmp_path):
    recipe = SmoothAdvPGD(epsilon=0.5, draws=2, **SMALL | {"epochs": 8})
    network, _, _ = built_on_cuda(recipe, tmp_path / "model", images=0)

    class Kept(Given):
        kept = network

    task = Digits(limit=100, n=10_000, rule="fixed", attack="certificates", attack_steps=5)
    outcomes = {}
    for device in ("cpu", "cuda"):
        (tmp_path / device).mkdir()
        (outcomes[device],) = task.evaluate(Kept(), [Cell(0, Job(tmp_path / device, device))])
    logs = {name: without_time(each.records) for name, each in outcomes.items()}
    shares = {
        name: np.array([line["hits"] / line["draws"] for line in log.values()])
        for name, log in logs.items()
    }
    classes = {name: [line["prediction"] for line in log.values()] for name, log in logs.items()}
    same = np.equal(classes["cpu"], classes["cuda"])
    assert same.sum() >= 95  # the others' two likeliest classes are nearly as likely
    same &= np.array(classes["cpu"]) >= 0  # of the others the log does not tell the class
    # Two counts of 10,000 draws: six standard deviations are below .0425.
    assert np.abs(shares["cpu"] - shares["cuda"])[same].max() < 0.0425
    for outcome in outcomes.values():
        assert np.mean(outcome.items["smoothed_accuracy"][1]) > 0.7
        assert np.mean(outcome.items["broken"][1]) < 0.05
