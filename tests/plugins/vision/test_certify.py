"""CERTIFY and PREDICT on networks with known answers; noise that nothing but its name decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import ndtr, ndtri
from smoothing_models import ByParity, Constant, HalfSpace, images_of, noise_of, small_network
from torch import nn

from harness_vision.backbones import build
from harness_vision.certification.certify import certify
from harness_vision.certification.confidence import lower_bound
from harness_vision.certification.noise import BLOCK
from harness_vision.certification.predict import predict
from harness_vision.certification.sequential import FixedRule, SequentialRule
from harness_vision.certification.voting import Booth
from harness_vision.smoothed import SmoothedClassifier

SIGMA = 0.5


def half_space():
    return HalfSpace(torch.linspace(-1.0, 1.0, 64), 0.1).eval()


def certified(network, images, *, draws=1_000, batch=1_000, indices=None, name="model", rule=None):
    booth = Booth(network, SIGMA, batch=batch)
    places = list(range(len(images))) if indices is None else indices
    return certify(booth, images, places, rule or FixedRule(draws, 0.001), noise_of(name))


def test_a_linear_classifiers_radius_is_below_its_distance_and_near_it():
    network, images = half_space(), images_of(200)
    found = certified(network, images, draws=20_000)
    distance = network.distance(images).numpy()
    is_sure = found.classes >= 0
    # 200 images at α = .001 each: two bad ones have probability .02, five 3e-6.
    assert (found.radii > distance).sum() < 5
    assert (found.classes == (half_space()(images).argmax(1).numpy()))[is_sure].all()
    far = distance > 0.2
    assert np.abs(found.radii - distance)[far & (distance < 1.0)].max() < 0.1


def test_hits_of_a_linear_classifier_are_binomial_with_its_closed_form():
    network, images = half_space(), images_of(40)
    found = certified(network, images, draws=20_000)
    share = ndtr(network.distance(images).numpy() / SIGMA)
    deviation = (found.hits - 20_000 * share) / np.sqrt(20_000 * share * (1 - share))
    deviation = deviation[share > 0.8]  # nearer the boundary, the other class may be selected
    assert np.abs(deviation).max() < 6.0  # 40 images: 1e-7
    assert 0.5 < deviation.std() < 1.6


def test_over_many_noises_a_radius_is_too_large_in_at_most_alpha_of_them():
    image = images_of(1)
    network = half_space()
    distance = float(network.distance(image)[0])
    booth, alpha = Booth(network, SIGMA), 0.05
    rule = FixedRule(200, alpha)
    runs = 2_000
    many = image.expand(runs, -1, -1, -1)
    found = certify(booth, many, list(range(runs)), rule, noise_of())
    bad = (found.radii > distance).mean()
    assert bad <= alpha + 4 * np.sqrt(alpha * (1 - alpha) / runs)
    # The control: the same hits, read as if the level were 1/2, are too large half of the time.
    loose = SIGMA * ndtri(lower_bound(found.hits, 200, 0.5))
    assert (loose > distance).mean() > 0.3


def test_a_constant_network_is_certified_to_alpha_to_one_over_n():
    found = certified(Constant(2).eval(), images_of(3), draws=700)
    assert found.classes.tolist() == [2, 2, 2]
    assert found.radii == pytest.approx(SIGMA * ndtri(0.001 ** (1 / 700)), rel=1e-9)
    assert found.draws.tolist() == [700] * 3


def test_a_coin_is_abstained_on():
    found = certified(ByParity().eval(), images_of(50))
    assert found.classes.tolist() == [-1] * 50
    assert found.radii.tolist() == [0.0] * 50


@pytest.mark.parametrize("batch", [100, 256, 500, 3_000])
def test_the_batch_size_changes_no_count(batch):
    network, images = half_space(), images_of(7)
    usual = certified(network, images, draws=1_250)
    other = certified(network, images, draws=1_250, batch=batch)
    # The noise is the same to the bit; sums of a matrix product may differ in the last one.
    assert np.abs(other.hits - usual.hits).max() <= 1
    assert other.classes.tolist() == usual.classes.tolist()


@pytest.mark.parametrize("size", [4, 5, 8])
def test_noise_is_the_same_to_the_bit_however_it_is_cut(size):
    """Images of 25 numbers, too: torch's own stream would depend on the cut there."""
    images = torch.zeros(3, 1, size, size)
    seen: dict[int, list[torch.Tensor]] = {}
    for batch in (100, 700):
        booth = Booth(Recorder(seen.setdefault(batch, [])).eval(), 1.0, batch=batch)
        for total in (100, 300):  # two looks
            wanted = [(place, total) for place in range(3)]
            if total == 100:
                sources = noise_of().sources([4, 9, 2], "estimate")
            booth.hits(images, sources, np.zeros(3, dtype=np.int64), wanted)
    one, other = (sorted_rows(rows) for rows in seen.values())
    assert len(one) == 3 * 400
    assert torch.equal(one, other)


class Recorder(nn.Module):
    """Keeps what it was asked."""

    def __init__(self, rows):
        super().__init__()
        self.rows, self.asked = rows, 0

    def forward(self, pixels):
        self.asked += 1
        if self.asked != 2:  # the second call repeats the first, to see whether f is a function
            self.rows.append(pixels.flatten(1).clone())
        return torch.zeros(len(pixels), 2)


def sorted_rows(parts):
    rows = torch.cat(parts)
    return rows[rows[:, 0].argsort()]


def test_the_order_of_images_and_their_company_change_nothing():
    network, images = half_space(), images_of(9)
    rule = sequential()
    all_together = certified(network, images, rule=rule)
    order = [4, 1, 8]
    some = certified(network, images[order], indices=order, rule=rule)
    assert some.hits.tolist() == all_together.hits[order].tolist()
    assert some.radii.tolist() == all_together.radii[order].tolist()
    assert some.draws.tolist() == all_together.draws[order].tolist()


def sequential(draws=2_000):
    return SequentialRule(sigma=SIGMA, alpha=0.001, draws=draws, grid=[0.0, 0.25, 0.5, 0.75, 1.0])


def test_both_rules_see_the_same_draws():
    """Hits of the sequential test are the fixed rule's at the same look."""
    network, images = half_space(), images_of(20)
    found = certified(network, images, rule=sequential(2_000))
    for draws in set(found.draws.tolist()):
        stopped = np.flatnonzero(found.draws == draws)
        fixed = certified(network, images[stopped], draws=draws, indices=stopped.tolist())
        assert fixed.hits.tolist() == found.hits[stopped].tolist()


def test_the_same_name_repeats_to_the_bit_and_another_does_not():
    network, images = half_space(), images_of(30)
    one, again = certified(network, images), certified(network, images)
    other = certified(network, images, name="another model")
    assert one.hits.tolist() == again.hits.tolist()
    assert one.radii.tolist() == again.radii.tolist()
    assert one.hits.tolist() != other.hits.tolist()


def test_selection_and_estimation_are_independent():
    noise = noise_of()
    select, estimate = np.empty((BLOCK, 64), np.float32), np.empty((BLOCK, 64), np.float32)
    noise.source(3, "select").write(select, np.zeros(64, np.float32), 1.0)
    noise.source(3, "estimate").write(estimate, np.zeros(64, np.float32), 1.0)
    correlation = np.corrcoef(select.ravel(), estimate.ravel())[0, 1]
    assert abs(float(correlation)) < 6 / np.sqrt(BLOCK * 64)


def test_a_sequential_certificate_agrees_with_the_fixed_one_on_the_grid():
    network, images = half_space(), images_of(100)
    rule = sequential(10_000)
    found = certified(network, images, rule=rule)
    fixed = certified(network, images, draws=10_000)
    differ = 0
    for radius in (0.0, 0.25, 0.5, 0.75, 1.0):
        differ += int(((found.radii >= radius) != (fixed.radii >= radius)).sum())
    assert differ <= 15  # β = .05 an image at most, and those just above a radius
    assert found.draws.mean() < 0.5 * 10_000


def test_memory_is_a_batch_whatever_the_draws():
    rows: list[torch.Tensor] = []
    booth = Booth(Recorder(rows).eval(), SIGMA, batch=500)
    certify(booth, images_of(1), [0], FixedRule(20_000, 0.001), noise_of())
    assert max(len(each) for each in rows) == 500
    assert booth._buffer.numel() == (500 + BLOCK) * 64


def test_the_lipschitz_bound_on_the_smoothed_share():
    """Φ⁻¹(p_A) of any f moves by at most ‖u‖/σ, and by just that for a half-space along w."""
    images = images_of(1)
    step = 0.3 * torch.nn.functional.normalize(torch.randn(1, 64), dim=1).view(1, 1, 8, 8)
    along = 0.3 * torch.nn.functional.normalize(half_space().normal, dim=0).view(1, 1, 8, 8)
    assert change_of_quantile(small_network(), images, step) <= 0.3 / SIGMA + 0.05
    assert change_of_quantile(half_space(), images, along) == pytest.approx(0.3 / SIGMA, abs=0.05)


def change_of_quantile(network, images, step):
    booth = Booth(network, SIGMA)
    draws = 20_000
    shares = [
        booth.histogram(each, noise_of().sources([0], "estimate"), draws)[0] / draws
        for each in (images, images + step)
    ]
    label = int(shares[0].argmax())
    return abs(float(ndtri(shares[0][label]) - ndtri(shares[1][label])))


def test_predict_gives_the_side_of_a_half_space_and_abstains_on_a_coin():
    network, images = half_space(), images_of(60)
    clear = network.distance(images).numpy() > 0.2
    found = predict(Booth(network, SIGMA), images, range(60), noise_of(), draws=1_000, alpha=0.001)
    assert (found == network(images).argmax(1).numpy())[clear].all()
    coin = Booth(ByParity().eval(), SIGMA)
    assert set(predict(coin, images, range(60), noise_of(), draws=1_000, alpha=0.001)) == {-1}


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).train(), "the network is in training mode"),
        (nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 3)), "in training mode"),
    ],
    ids=["whole", "dropout"],
)
def test_a_network_in_training_mode_is_refused(network, message):
    with pytest.raises(ValueError, match=message):
        Booth(network, SIGMA)


def test_a_part_in_training_mode_is_named():
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 3)).eval()
    network[1].train()
    for make in (Booth, lambda net, sigma: SmoothedClassifier(net, sigma, noise_of())):
        with pytest.raises(ValueError, match="Dropout '1' is in training mode"):
            make(network, SIGMA)


class Flickering(nn.Module):
    """Drops inputs whatever its mode."""

    def forward(self, pixels):
        kept = nn.functional.dropout(pixels.flatten(1), 0.5, training=True)
        return torch.stack([kept.sum(1), -kept.sum(1)], dim=1)


def test_a_network_that_answers_differently_each_time_is_refused():
    with pytest.raises(ValueError, match="is dropout active"):
        certified(Flickering().eval(), images_of(1))


class Broken(nn.Module):
    """NaN for some of its inputs."""

    def forward(self, pixels):
        side = pixels.flatten(1)[:, :2]
        return torch.where(side > 1.5, torch.nan, side)


def test_nan_logits_are_refused():
    with pytest.raises(ArithmeticError, match="logits are NaN"):
        certified(Broken().eval(), images_of(2))


@pytest.mark.parametrize("sigma", [0.0, -0.25, float("nan")])
def test_a_sigma_that_is_not_above_zero_is_refused(sigma):
    with pytest.raises(ValueError, match="sigma must be above 0"):
        Booth(half_space(), sigma)


def test_a_batch_below_a_block_is_refused():
    with pytest.raises(ValueError, match="at least one block of 100"):
        Booth(half_space(), SIGMA, batch=99)


def test_normalised_images_are_refused_by_the_smoothed_classifier():
    smoothed = SmoothedClassifier(half_space(), SIGMA, noise_of())
    with pytest.raises(ValueError, match="normalisation belongs into the network"):
        smoothed.certify(images_of(1) - 0.5, [0], FixedRule(100, 0.001))


SEQUENTIAL = {"sigma": SIGMA, "alpha": 0.001, "draws": 200, "grid": (0.0, 0.25)}


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 2, float("nan")])
def test_a_chance_to_err_that_is_none_is_refused_wherever_it_is_given(alpha):
    smoothed = SmoothedClassifier(half_space(), SIGMA, noise_of())
    asks = (
        lambda: FixedRule(100, alpha),
        lambda: SequentialRule(**SEQUENTIAL | {"alpha": alpha}),
        lambda: smoothed.predict(images_of(1), [0], draws=100, alpha=alpha),
    )
    for ask in asks:
        with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
            ask()


@pytest.mark.parametrize("draws", [0, -5, 2.5])
def test_a_number_of_draws_that_is_none_is_refused(draws):
    for ask in (
        lambda: FixedRule(draws, 0.1),
        lambda: SequentialRule(**SEQUENTIAL | {"draws": draws}),
    ):
        with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
            ask()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sigma": 0.0}, "sigma must be above 0"),
        ({"sigma": float("inf")}, "sigma must be above 0 and finite"),
        ({"grid": ()}, "grid is empty"),
        ({"grid": (-1.0,)}, "a radius must be at least 0"),
        ({"grid": (0.5, 0.0)}, "grid must increase"),
        ({"precision": -1.0}, "precision must be at least 0"),
    ],
)
def test_a_sequential_rule_that_means_nothing_is_refused(changed, told):
    with pytest.raises(ValueError, match=told):
        SequentialRule(**SEQUENTIAL | changed)


def test_a_rule_of_another_sigma_is_refused():
    smoothed = SmoothedClassifier(half_space(), SIGMA, noise_of())
    rule = SequentialRule(**SEQUENTIAL | {"sigma": 0.25})
    with pytest.raises(ValueError, match=r"sigma = 0\.25, the classifier's is 0\.5"):
        smoothed.certify(images_of(1), [0], rule)


@pytest.mark.parametrize(
    ("images", "indices", "told"),
    [
        (images_of(3) * 255, [0, 1, 2], "divide bytes by 255"),
        (images_of(3) - 0.5, [0, 1, 2], "are they normalised"),
        (images_of(3), [0, 1], "3 images have 2 indices"),
        (images_of(3), [0, 1, 1], "they would share their noise"),
        (images_of(3), [0, 0.5, 1], "is a whole number"),
        (images_of(3)[:0], [], "there are no images"),
    ],
)
def test_images_that_cannot_be_certified_cannot_be_predicted_either(images, indices, told):
    smoothed = SmoothedClassifier(half_space(), SIGMA, noise_of())
    with pytest.raises(ValueError, match=told):
        smoothed.certify(images, indices, FixedRule(100, 0.001))
    with pytest.raises(ValueError, match=told):
        smoothed.predict(images, indices, draws=100, alpha=0.001)


def test_bfloat16_and_channels_last_certify_the_cast_network():
    network, images = small_network(), images_of(8)
    rule = FixedRule(1_000, 0.001)
    plain, half, last = (
        SmoothedClassifier(network, SIGMA, noise_of(), **options).certify(images, range(8), rule)
        for options in ({}, {"precision": "bfloat16"}, {"channels_last": True})
    )
    assert np.abs(last.hits - plain.hits).max() <= 2
    assert np.abs(half.hits - plain.hits).max() < 50  # .06 % of labels flip on a trained one
    assert half.hits.tolist() != plain.hits.tolist()
    assert next(network.parameters()).dtype == torch.float32


def test_a_network_that_is_of_bfloat16_stays_so_in_another_layout():
    """It casts within itself: what it certifies is itself, whatever the task's layout."""
    images, rule = images_of(8), FixedRule(1_000, 0.001)
    network = build("small-cnn", (1, 8, 8), 10, seed=1, bf16=True).eval()
    own, last, twice = (
        SmoothedClassifier(network, SIGMA, noise_of(), **options).certify(images, range(8), rule)
        for options in ({}, {"channels_last": True}, {"precision": "bfloat16"})
    )
    assert np.abs(last.hits - own.hits).max() < 50
    assert twice.hits.tolist() == own.hits.tolist()


def test_an_attack_stays_in_its_ball_and_lowers_the_vote_of_the_label():
    network, images = small_network(), images_of(30)
    smoothed = SmoothedClassifier(network, SIGMA, noise_of())
    labels = smoothed.certify(images, range(30), FixedRule(1_000, 0.001)).classes
    rows = np.flatnonzero(labels >= 0)
    images, labels = images[rows], labels[rows]
    radii = np.linspace(0.1, 1.0, len(rows))
    moved = smoothed.attacked(
        images, range(len(rows)), labels, radii, draws=8, steps=5, in_box=False
    )
    assert ((moved - images).flatten(1).norm(dim=1).numpy() <= radii * (1 + 1e-5)).all()
    before, after = (
        Booth(network, SIGMA).histogram(each, noise_of().sources(rows, "predict"), 1_000)
        for each in (images, moved)
    )
    each = np.arange(len(rows))
    assert (after[each, labels] < before[each, labels]).all()
