"""Recipes: their losses against formulas, and which of them are the same training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch.distributions import Categorical, kl_divergence
from torch.nn import functional
from vision_world import SMALL, Smoothed, are_equal, trained

from harness.random.stream import Stream
from harness_vision.backbones import build
from harness_vision.descent import Descent
from harness_vision.recipe import Step
from harness_vision.recipes.consistency import Consistency
from harness_vision.recipes.gaussian import Gaussian
from harness_vision.recipes.macer import Macer, radius_hinge
from harness_vision.recipes.plain import Plain
from harness_vision.recipes.smoothadv import SmoothAdvDDN, SmoothAdvPGD
from harness_vision.recipes.stability import Stability

PAIRS = {
    "SmoothAdv-PGD with radius 0 is Gaussian augmentation with as many draws": (
        SmoothAdvPGD(epsilon=0.0, draws=2, **SMALL),
        Gaussian(draws=2, **SMALL),
    ),
    "SmoothAdv-DDN with radius 0 is it, too": (
        SmoothAdvDDN(epsilon=0.0, draws=2, **SMALL),
        Gaussian(draws=2, **SMALL),
    ),
    "Gaussian augmentation without noise is plain training": (
        Gaussian(sigma=0.0, **SMALL),
        Plain(**SMALL),
    ),
    "MACER without its radius is the loss of the smoothed classifier": (
        Macer(strength=0.0, draws=4, weight_decay=1e-4, **SMALL),
        Smoothed(draws=4, **SMALL),
    ),
    "MACER deferred to the end is, too": (
        Macer(strength=12.0, defer=2, draws=4, weight_decay=1e-4, **SMALL),
        Smoothed(draws=4, **SMALL),
    ),
    "consistency without its terms is Gaussian augmentation in one step a batch": (
        Consistency(strength=0.0, entropy=0.0, **SMALL),
        Gaussian(draws=2, steps=1, **SMALL),
    ),
    "no warm-up is one of 1 epoch": (
        SmoothAdvPGD(epsilon=0.5, warm_up=0, **SMALL),
        SmoothAdvPGD(epsilon=0.5, warm_up=1, **SMALL),
    ),
}

DIFFERENT = {
    "the attack": (
        SmoothAdvPGD(epsilon=0.5, draws=2, warm_up=1, **SMALL),
        Gaussian(draws=2, **SMALL),
    ),
    "the noise": (Gaussian(sigma=0.1, **SMALL), Plain(**SMALL)),
    "MACER's radius": (
        Macer(strength=1.0, draws=4, weight_decay=1e-4, **SMALL),
        Smoothed(draws=4, **SMALL),
    ),
    "consistency": (Consistency(**SMALL), Gaussian(draws=2, steps=1, **SMALL)),
    "MACER's steps of a batch": (
        Macer(strength=0.0, draws=4, steps=4, **SMALL),
        Macer(strength=0.0, draws=4, **SMALL),
    ),
    "the steps of a batch": (Gaussian(draws=2, steps=1, **SMALL), Gaussian(draws=2, **SMALL)),
}


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS.keys())
def test_two_recipes_are_one_training_bit_for_bit(one, other, tmp_path):
    assert are_equal(trained(one, tmp_path / "one"), trained(other, tmp_path / "other"))


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_what_makes_recipes_differ_changes_the_weights(one, other, tmp_path):
    assert not are_equal(trained(one, tmp_path / "one"), trained(other, tmp_path / "other"))


@pytest.fixture(scope="module")
def batch():
    """Eight images and labels."""
    generator = torch.Generator().manual_seed(5)
    labels = torch.randint(0, 10, (8,), generator=generator)
    return torch.rand(8, 1, 8, 8, generator=generator), labels


@pytest.fixture(scope="module")
def network():
    return build("small-cnn", classes=10, shape=(1, 8, 8), seed=1)


def step_of(epoch=0):
    stream = Stream("step")
    return Step(
        epoch=epoch, noise_source=stream.sub("n").torch(), directions=stream.sub("d").torch()
    )


def logits_of(recipe, network, images, draws):
    return network(step_of().noisy(images, recipe.sigma, draws)).view(len(images), draws, -1)


def loss_of(recipe, network, batch, epoch=0):
    with torch.no_grad():
        return float(recipe.loss(network, *batch, step_of(epoch)))


def test_noise_has_the_standard_deviation_asked_for_and_copies_of_an_image_are_adjacent():
    images = torch.arange(3.0).view(3, 1, 1, 1).expand(3, 1, 40, 40)
    rows = step_of().noisy(images, 0.25, 4)
    centres = rows.flatten(1).mean(1)
    assert centres.numpy() == pytest.approx(np.repeat([0, 1, 2], 4), abs=6 * 0.25 / 40)
    spread = (rows - images.repeat_interleave(4, 0)).std()
    assert float(spread) == pytest.approx(0.25, abs=6 * 0.25 / (2 * 12 * 1600) ** 0.5)


def test_gaussian_augmentation_averages_cross_entropy_over_draws(network, batch):
    images, labels = batch
    recipe = Gaussian(draws=3, batch=9)
    logits = logits_of(recipe, network, images, 3)
    each = [functional.cross_entropy(logits[:, draw], labels).item() for draw in range(3)]
    assert loss_of(recipe, network, batch) == pytest.approx(np.mean(each), rel=1e-6)


def test_stability_adds_the_cross_entropy_of_noisy_answers_to_clean_ones(network, batch):
    images, labels = batch
    recipe = Stability(strength=3.0)
    clean = network(images)
    moved = logits_of(recipe, network, images, 1)[:, 0]
    one, other = Categorical(logits=clean), Categorical(logits=moved)
    agreement = one.entropy() + kl_divergence(one, other)
    expected = functional.cross_entropy(clean, labels) + 3.0 * agreement.mean()
    assert loss_of(recipe, network, batch) == pytest.approx(expected.item(), rel=1e-6)


def test_consistency_adds_divergence_from_the_mean_and_the_means_entropy(network, batch):
    images, labels = batch
    recipe = Consistency(draws=3, strength=4.0, entropy=0.7)
    logits = 5 * logits_of(recipe, network, images, 3)
    each = Categorical(logits=logits)
    mean = Categorical(probs=each.probs.mean(1))
    divergence = torch.stack(
        [kl_divergence(mean, Categorical(logits=logits[:, draw])) for draw in range(3)]
    ).mean()
    cross = functional.cross_entropy(logits.flatten(0, 1), labels.repeat_interleave(3))
    expected = cross + 4.0 * divergence + 0.7 * mean.entropy().mean()

    def sharper(pixels):
        return 5 * network(pixels)

    assert loss_of(recipe, sharper, batch) == pytest.approx(expected.item(), rel=1e-5)


TOPS = torch.tensor(
    [[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.999999, 5e-7, 5e-7], [1.0, 0.0, 0.0], [0.5, 0.4, 0.1]],
    dtype=torch.float64,
)


def test_macers_hinge_counts_right_images_within_the_margin():
    hinge = radius_hinge(TOPS, torch.zeros(5, dtype=torch.int64), 8.0)
    widths = [norm.ppf(0.7) - norm.ppf(0.2), norm.ppf(0.5) - norm.ppf(0.4)]
    assert hinge.numpy() == pytest.approx([8.0 - width for width in widths], rel=1e-9)


def test_lowering_macers_hinge_raises_the_margin_and_is_finite():
    tops = TOPS.clone().requires_grad_()
    radius_hinge(tops, torch.zeros(5, dtype=torch.int64), 8.0).sum().backward()
    assert tops.grad.isfinite().all()
    assert (tops.grad[[0, 4], 0] < 0).all()
    assert (tops.grad[[0, 4], 1] > 0).all()
    assert not tops.grad[[1, 2, 3]].any()


def test_macer_weighs_the_hinge_by_half_sigma_and_divides_by_the_batch(network, batch):
    images = batch[0]
    with torch.no_grad():
        biggest = network(images).argmax(1)  # so that some images count
    recipe = Macer(draws=4, strength=2.0, sharpness=3.0, margin=8.0)
    logits = logits_of(recipe, network, images, 4).detach()
    sharpened = torch.softmax(3.0 * logits, 2).mean(1)
    top, classes = sharpened.topk(2)
    counts = (classes[:, 0] == biggest).numpy()
    widths = norm.ppf(top[:, 0]) - norm.ppf(top[:, 1])
    hinge = ((8.0 - widths) * counts).sum() / 8
    true = torch.softmax(logits, 2).mean(1)[range(8), biggest].log()
    expected = -true.mean().item() + 2.0 * 0.25 / 2 * hinge
    assert counts.any()
    assert loss_of(recipe, network, (images, biggest)) == pytest.approx(expected, rel=1e-5)


class Recorder(torch.nn.Module):
    """A network that keeps what it is asked, and in which mode."""

    def __init__(self, network):
        super().__init__()
        self.network, self.asked, self.modes = network, [], []

    def forward(self, pixels):
        self.asked.append(pixels.detach().clone())
        self.modes.append(self.training)
        return self.network(pixels)


@pytest.mark.parametrize("recipe", [SmoothAdvPGD(epsilon=0.5, draws=4, steps=3, batch=8)])
def test_smoothadv_trains_under_the_noise_that_the_attack_met(network, batch, recipe):
    recorder = Recorder(network).train()
    recipe.loss(recorder, *batch, step_of(epoch=9))
    images = batch[0].repeat_interleave(4, 0)
    noise = step_of().noise(batch[0], 0.25, 4)
    assert torch.allclose(recorder.asked[0], images + noise)
    moved = (recorder.asked[-1] - images - noise).view(8, 4, 64)
    assert moved.std(1).max() < 1e-6  # one change for all draws of an image
    assert moved.norm(dim=2).numpy() == pytest.approx(0.5, abs=1e-5)
    assert recorder.modes == [False, False, False, True]
    assert recorder.training


def test_the_attacks_radius_grows_over_the_warm_up():
    recipe = SmoothAdvPGD(epsilon=0.5, warm_up=10)
    assert [recipe.radius(epoch) for epoch in (0, 4, 9, 10, 99)] == pytest.approx(
        [0.05, 0.25, 0.5, 0.5, 0.5]
    )
    assert replace(recipe, warm_up=0).radius(0) == 0.5


def test_descent_is_torchs_own_bit_for_bit(network, batch):
    ours, theirs = (build("small-cnn", classes=10, shape=(1, 8, 8), seed=1) for _ in range(2))
    descent = Descent(list(ours.parameters()), momentum=0.9, weight_decay=1e-4)
    optimizer = torch.optim.SGD(
        theirs.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4, foreach=False
    )
    for _ in range(5):
        descent.step(functional.cross_entropy(ours(batch[0]), batch[1]), 0.05)
        optimizer.zero_grad()
        functional.cross_entropy(theirs(batch[0]), batch[1]).backward()
        optimizer.step()
    assert are_equal(ours, theirs)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SmoothAdvPGD(steps=0), "steps ≥ 1"),
        (lambda: SmoothAdvDDN(epsilon=-0.1), "epsilon ≥ 0"),
        (lambda: SmoothAdvPGD(warm_up=-1), "warm_up ≥ 0"),
        (lambda: SmoothAdvPGD(draws=3), "256 images cannot be cut into 3 equal mini-batches"),
        (lambda: Gaussian(draws=0), "at least 1 noise draw"),
        (lambda: Consistency(draws=0), "at least 1 noise draw"),
        (lambda: Macer(sigma=0.0), "sigma > 0, got 0.0"),
        (lambda: Macer(steps=0), "at least 1 mini-batch, got 0"),
        (lambda: Macer(steps=5), "64 images cannot be cut into 5 equal mini-batches"),
        (lambda: Plain(sigma=-1.0), "sigma must be at least 0, got -1.0"),
        (lambda: Plain(sigma=float("nan")), "sigma must be at least 0, got nan"),
        (lambda: Plain(sigma=1e300), r"in \[0, 1\] pixels and at most 1e\+06, got 1e\+300"),
        (lambda: Plain(weights="cifar10-resnet20", pretrained_on="cifar10"), "two starts"),
        (lambda: Plain(backbone="resnet21").check("digits"), "no backbone 'resnet21'"),
        (lambda: Plain(weights="cifar10-resnet21").check("cifar10"), "no weights"),
        (lambda: Plain(pretrained_on="cifar11").check("cifar10"), "no image set 'cifar11'"),
        (lambda: Plain().check("my-own"), "no usual backbone: give backbone"),
        (
            lambda: Plain(normalise="cifar10").check("digits"),
            "of 3 channels, images have 1: say normalise: none",
        ),
        (
            lambda: Plain(weights="cifar10-resnet20").check("digits"),
            r"conv1\.weight is \(16, 3, 3, 3\).*are for images of 3 channels, these have 1$",
        ),
        (
            lambda: Plain(weights="cifar10-resnet20", backbone="resnet20").check("cifar10"),
            r"the weights to start from have no network\.layer2\.0\.shortcut",
        ),
        (
            lambda: Plain(weights="cifar10-resnet20", normalise="cifar10").check("cifar10"),
            "are for images normalised by .*say normalise",
        ),
        (
            lambda: Plain(pretrained_on="cifar10", backbone="resnet20").check("fashion-mnist"),
            "are for images of 3 channels, these have 1$",
        ),
        (
            lambda: Plain(pretrained_on="digits").check("fashion-mnist"),
            r"hidden\.weight is \(64, 512\), the network's is \(64, 6272\)",
        ),
    ],
)
def test_parameters_that_make_no_training_are_refused_with_the_reason(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("recipe", "dataset"),
    [
        (Plain(weights="cifar10-resnet20"), "cifar10-4000"),
        (Plain(weights="cifar10-resnet56", normalise="imagenet"), "imagenet"),
        (Plain(pretrained_on="cifar10", backbone="resnet110"), "imagenet"),
        (Plain(pretrained_on="digits"), "digits"),
        (Plain(), "imagenet"),
    ],
)
def test_a_start_that_fits_is_no_fault_and_planning_draws_nothing(recipe, dataset):
    state = torch.random.get_rng_state()
    recipe.check(dataset)
    assert torch.equal(torch.random.get_rng_state(), state)
