"""PGD and DDN stay in ball and box, raise the loss, and do what the paper's code does."""

import pytest
import torch
from vision_world import SMALL, trained

from harness_vision.attacks import ddn, ddn_rate, pgd, rounding_slack
from harness_vision.images import load
from harness_vision.objectives import smoothed_loss
from harness_vision.recipes.gaussian import Gaussian

SIGMA, DRAWS, RADIUS = 0.25, 4, 0.5


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    recipe = Gaussian(**SMALL | {"epochs": 12})
    return trained(recipe, tmp_path_factory.mktemp("gaussian"), images=0)


@pytest.fixture(scope="module")
def tested():
    """200 test images, their labels, and noise."""
    images = load("digits", None, "test", limit=200)
    pixels = torch.from_numpy(images.pixels())
    generator = torch.Generator().manual_seed(0)
    noise = SIGMA * torch.randn(200 * DRAWS, 1, 8, 8, generator=generator)
    return pixels, torch.from_numpy(images.labels), noise


def directions():
    return torch.Generator().manual_seed(1)


def lengths(offsets):
    return offsets.flatten(1).norm(dim=1)


def loss_at(network, pixels, labels, noise):
    with torch.no_grad():
        logits = network(pixels.repeat_interleave(DRAWS, 0) + noise)
    return smoothed_loss(logits, labels, DRAWS)


def run_pgd(network, tested, steps=2, radius=RADIUS, **how):
    return pgd(network, *tested, radius=radius, steps=steps, directions=directions(), **how)


def run_ddn(network, tested, steps=4, radius=RADIUS, **how):
    return ddn(network, *tested, radius=radius, steps=steps, directions=directions(), **how)


@pytest.mark.parametrize("steps", [1, 2, 4, 10])
def test_pgd_stays_in_ball_and_box_and_raises_the_loss(network, tested, steps):
    pixels, labels, noise = tested
    attacked = run_pgd(network, tested, steps)
    before, after = (loss_at(network, each, labels, noise) for each in (pixels, attacked))
    assert lengths(attacked - pixels).max() <= RADIUS * (1 + 1e-6)
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    assert (after >= before).float().mean() >= 0.95
    assert after.mean() > 2 * before.mean()


@pytest.mark.parametrize("steps", [2, 4, 10])
def test_ddn_stays_in_ball_and_box_and_raises_the_loss(network, tested, steps):
    pixels, labels, noise = tested
    attacked = run_ddn(network, tested, steps, quantise=False)
    before, after = (loss_at(network, each, labels, noise) for each in (pixels, attacked))
    assert lengths(attacked - pixels).max() <= RADIUS * (1 + 1e-6)
    assert attacked.min() >= -1e-6
    assert attacked.max() <= 1 + 1e-6
    assert (after >= before - 1e-6).float().mean() >= 0.95
    assert after.mean() > before.mean()


def test_rounding_lets_ddn_leave_the_ball_by_no_more_than_its_slack(network, tested):
    pixels = tested[0]
    attacked = run_ddn(network, tested)
    offset = attacked - pixels
    assert lengths(offset).max() <= RADIUS + rounding_slack(pixels) + 1e-6
    assert attacked.min() >= -1 / 510 - 1e-6
    assert attacked.max() <= 1 + 1 / 510 + 1e-6
    assert rounding_slack(pixels) == pytest.approx(8 / 510)
    assert (offset * 255 - (offset * 255).round()).abs().max() < 1e-3  # levels of an offset


def test_ddn_leaves_what_it_cannot_break_and_what_is_wrong_already(network, tested):
    pixels, labels, noise = tested
    attacked = run_ddn(network, tested, steps=2)
    untouched = lengths(attacked - pixels) == 0
    with torch.no_grad():
        called = network(pixels.repeat_interleave(DRAWS, 0) + noise).argmax(1)
    is_wrong = called.view(-1, DRAWS).mode(1).values != labels
    assert untouched[is_wrong].all()
    assert is_wrong.any()
    assert 0.5 < untouched.float().mean() < 0.95  # .75 with a longer training


def test_more_steps_let_ddn_break_more_images(network, tested):
    shares = [
        (lengths(run_ddn(network, tested, steps) - tested[0]) == 0).float().mean()
        for steps in (2, 4, 10)
    ]
    assert shares[0] > shares[1] > shares[2]


@pytest.mark.parametrize(
    ("steps", "rates"),
    [
        (2, [0.505, 0.01]),
        (4, [0.85502, 0.505, 0.15498, 0.01]),
        (
            10,
            [0.97577, 0.90546, 0.79595, 0.65796, 0.505, 0.35204, 0.21405, 0.10454, 0.03423, 0.01],
        ),
    ],
)
def test_ddns_steps_shorten_along_a_cosine(steps, rates):
    assert [ddn_rate(step, steps) for step in range(steps)] == pytest.approx(rates, abs=5e-6)


@pytest.mark.parametrize("attack", [run_pgd, run_ddn])
def test_an_attack_of_radius_0_returns_the_images(network, tested, attack):
    assert torch.equal(attack(network, tested, radius=0.0), tested[0])


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_pgd_on_a_linear_network_goes_straight_to_the_edge_of_the_ball(steps):
    generator = torch.Generator().manual_seed(4)
    normal = torch.randn(16, generator=generator)
    network = torch.nn.Linear(16, 2, bias=False).requires_grad_(False).eval()
    network.weight.copy_(torch.stack([normal, -normal]))
    images = torch.full((3, 16), 0.5)
    noise = 0.1 * torch.randn(12, 16, generator=generator)
    attacked = pgd(
        network,
        images,
        torch.zeros(3, dtype=torch.int64),
        noise,
        radius=0.3,
        steps=steps,
        directions=directions(),
    )
    assert torch.allclose(attacked - images, -0.3 * normal / normal.norm(), atol=1e-6)


def test_the_box_is_kept_only_where_it_is_asked_for(network, tested):
    free = run_pgd(network, tested, steps=10, radius=2.0, in_box=False)
    assert free.min() < -0.1
    assert free.max() > 1.1
    assert lengths(free - tested[0]).max() <= 2.0 * (1 + 1e-6)


def test_each_image_can_have_a_radius_of_its_own(network, tested):
    radii = torch.linspace(0.0, 1.0, 200)
    moved = lengths(run_pgd(network, tested, steps=4, radius=radii) - tested[0])
    assert (moved <= radii * (1 + 1e-6) + 1e-7).all()
    assert (moved >= 0.9 * radii).all()


def test_an_image_is_attacked_the_same_whatever_its_company(network, tested):
    pixels, labels, noise = tested
    together = run_pgd(network, tested)
    some = run_pgd(network, (pixels[:50], labels[:50], noise[: 50 * DRAWS]))
    assert torch.allclose(some, together[:50], atol=1e-5)


def test_without_a_gradient_the_direction_is_drawn_from_the_stream_given(tested):
    class Flat(torch.nn.Module):
        def forward(self, pixels):
            return 0.0 * pixels.flatten(1)[:, :10]

    network = Flat().eval()
    one, same = (run_pgd(network, tested) for _ in range(2))
    other = pgd(
        network, *tested, radius=RADIUS, steps=2, directions=torch.Generator().manual_seed(2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.isfinite().all()
    assert lengths(one - tested[0]).min() > 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "at least 1 step, got 0"),
        ({"radius": -0.1}, "radius of an attack must be at least 0"),
        ({"radius": float("nan")}, "radius of an attack must be at least 0"),
        ({"noise": 3}, "noise draws are no multiple of 200 images"),
        ({"shift": -0.5}, "are they normalised.*belongs into the network"),
        ({"shift": 0.5}, "pixels must lie in"),
        ({"mode": True}, "training mode"),
    ],
)
@pytest.mark.parametrize("attack", [run_pgd, run_ddn])
def test_bad_input_is_refused_with_its_reason(network, tested, attack, change, message):
    pixels, labels, noise = tested
    change = dict(change)
    given = (pixels + change.pop("shift", 0.0), labels, noise[: change.pop("noise", None)])
    network.train(change.pop("mode", False))
    try:
        with pytest.raises(ValueError, match=message):
            attack(network, given, **change)
    finally:
        network.eval()
