"""−log of the mean softmax over noise draws: worked numbers, gradient, identities."""

from math import e, log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from harness_vision.attacks import loss_gradient, stein_gradient
from harness_vision.backbones import build
from harness_vision.objectives import mean_probabilities, smoothed_loss

# Logits of two draws, the label 0; J and its gradient to four digits.
WORKED = [
    (
        [[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        0.6942201562,
        [[-0.1678, 0.0839, 0.0839], [-0.1672, 0.1222, 0.0450]],
    ),
    (
        [[-60.0, 0.0, 0.0], [-60.0, 1.0, 0.0]],
        60 - log((1 / 2 + 1 / (1 + e)) / 2),
        [[-0.6502, 0.3251, 0.3251], [-0.3498, 0.2557, 0.0941]],
    ),
]


@pytest.mark.parametrize(("logits", "value", "gradient"), WORKED, ids=["usual", "far away"])
def test_the_worked_numbers_come_out(logits, value, gradient):
    rows = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    loss = smoothed_loss(rows, torch.tensor([0]), 2)
    loss.sum().backward()
    assert loss.item() == pytest.approx(value, abs=5e-11)
    assert rows.grad.numpy() == pytest.approx(torch.tensor(gradient).numpy(), abs=5e-5)


def test_the_clamped_form_has_a_dead_zone_that_ours_has_not():
    rows = torch.tensor(WORKED[1][0], dtype=torch.float64, requires_grad=True)
    clamped = -mean_probabilities(rows, 2)[:, 0].clamp_min(1e-20).log()
    clamped.sum().backward()
    assert clamped.item() == pytest.approx(46.0517, abs=1e-4)
    assert not rows.grad.any()


@pytest.fixture(scope="module")
def network():
    return build("small-cnn", classes=10, shape=(1, 8, 8), seed=3).double().eval()


def points_of(count, draws, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 8, 8, generator=generator, dtype=torch.float64)
    noise = torch.randn(count * draws, 1, 8, 8, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 10, (count,), generator=generator)
    return images, labels, 0.25 * noise


def objective(network, images, labels, noise):
    draws = len(noise) // len(images)
    with torch.no_grad():
        return smoothed_loss(network(images.repeat_interleave(draws, 0) + noise), labels, draws)


def test_the_attacks_gradient_is_the_objectives_slope_by_finite_differences(network):
    images, labels, noise = points_of(3, 8)
    gradient, _ = loss_gradient(network, images, labels, noise)
    direction = torch.randn(images.shape, generator=torch.Generator().manual_seed(9)).double()
    direction /= direction.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    step = 1e-5 * direction
    rise = objective(network, images + step, labels, noise)
    rise -= objective(network, images - step, labels, noise)
    expected = (gradient * direction).flatten(1).sum(1)
    assert ((rise / 2e-5 - expected).abs() / expected.abs()).max() < 1e-6


def test_the_gradient_of_the_mean_of_logs_is_another_one(network):
    images, labels, noise = points_of(3, 8)
    ours, _ = loss_gradient(network, images, labels, noise)
    moving = images.clone().requires_grad_()
    logits = network(moving.repeat_interleave(8, 0) + noise)
    functional.cross_entropy(logits, labels.repeat_interleave(8), reduction="sum").backward()
    assert (moving.grad / 8 - ours).norm() > 1e-3 * ours.norm()


def test_one_draw_is_cross_entropy_at_the_noisy_image(network):
    images, labels, noise = points_of(5, 1)
    logits = network(images + noise)
    assert torch.allclose(
        smoothed_loss(logits, labels, 1),
        functional.cross_entropy(logits, labels, reduction="none"),
        rtol=0,
        atol=1e-14,
    )


@given(st.integers(0, 2**31), st.integers(1, 6), st.floats(0.1, 30.0))
def test_the_loss_is_below_the_mean_of_logs_and_knows_no_order_of_draws(seed, draws, scale):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(4, draws, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 5, (4,), generator=generator)
    loss = smoothed_loss(logits.flatten(0, 1), labels, draws)
    turned = smoothed_loss(logits.flip(1).flatten(0, 1), labels, draws)
    rows = labels.repeat_interleave(draws)
    each = functional.cross_entropy(logits.flatten(0, 1), rows, reduction="none").view(4, draws)
    assert torch.allclose(loss, turned, rtol=1e-12)
    assert (loss <= each.mean(1) + 1e-12).all()


def test_steins_gradient_points_where_the_true_one_does():
    # A linear network of two classes: E F_y depends on x through one projection only, so the
    # true gradient is along it, and the estimate's angle to it is sampling error, (d/m)^½ small.
    normal = torch.randn(64, generator=torch.Generator().manual_seed(1))
    network = torch.nn.Linear(64, 2, bias=False).requires_grad_(False).eval()
    network.weight.copy_(torch.stack([normal, -normal]))
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(40_000, 64, generator=generator) * 0.25
    slope, _ = stein_gradient(network, torch.zeros(1, 64), torch.tensor([0]), noise)
    cosine = functional.cosine_similarity(slope[0], -normal, dim=0)
    assert cosine > 0.99
