"""Noise of the right law at addresses of its own, and counts that agree between devices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from smoothing_models import noise_of

from harness.kernels import specialise
from harness.random import Stream
from harness_vision.certification.counting import (
    DeviceCounter,
    HostCounter,
    count_hits,
    count_labels,
)
from harness_vision.certification.noise import BLOCK, GeneratedSource, write_copies


def written(blocks=1, numbers=64, sigma=1.0, value=0.0, image=3, stage="estimate"):
    rows = np.empty((blocks * BLOCK, numbers), np.float32)
    source = noise_of().source(image, stage)
    source.write(rows, np.full(numbers, value, np.float32), sigma)
    return rows


def test_noise_is_gaussian_with_its_sigma_round_the_image():
    rows = written(blocks=10, sigma=0.25, value=0.5)
    assert kstest((rows.ravel()[:50_000] - 0.5) / 0.25, "norm").pvalue > 1e-4
    # 64,000 numbers: the standard error of the mean is .001, of the deviation .0007.
    assert abs(rows.mean() - 0.5) < 0.006
    assert abs(rows.std() - 0.25) < 0.005


def test_copies_and_pixels_are_uncorrelated():
    rows = written(blocks=20, numbers=16)
    by_pixel = np.corrcoef(rows.T) - np.eye(16)
    neighbours = np.corrcoef(rows[:-1].ravel(), rows[1:].ravel())[0, 1]
    assert np.abs(by_pixel).max() < 6 / np.sqrt(len(rows))
    assert abs(neighbours) < 6 / np.sqrt(rows.size)


def test_blocks_written_at_once_or_one_by_one_are_the_same():
    whole = written(blocks=3, numbers=25)
    source = noise_of().source(3, "estimate")
    parts = np.empty_like(whole)
    for start in range(0, len(whole), BLOCK):
        source.write(parts[start : start + BLOCK], np.zeros(25, np.float32), 1.0)
    assert whole.tobytes() == parts.tobytes()


@pytest.mark.parametrize("other", [{"image": 4}, {"stage": "select"}, {"stage": "predict"}])
def test_another_image_or_stage_has_other_noise(other):
    assert abs(np.corrcoef(written().ravel(), written(**other).ravel())[0, 1]) < 6 / 80


def test_compiled_and_plain_code_write_the_same_bits():
    image = np.linspace(0, 1, 12, dtype=np.float32)
    compiled, plain = (np.empty((2, BLOCK * 12), np.float32) for _ in range(2))
    kernel = specialise(write_copies)
    kernel(compiled, image, np.float32(0.3), 99, 5)
    kernel.plain(plain, image, np.float32(0.3), 99, 5)
    assert kernel.compiled
    assert compiled.tobytes() == plain.tobytes()


def test_a_generators_blocks_do_not_depend_on_the_cut():
    one, other = (GeneratedSource(Stream("test"), "cpu") for _ in range(2))
    whole, parts = torch.empty(300, 25), torch.empty(300, 25)
    image = torch.full((25,), 0.5)
    one.write(whole, image, 0.25)
    for start in (0, 100, 200):
        other.write(parts[start : start + 100], image, 0.25)
    assert torch.equal(whole, parts)
    assert abs(float(whole.mean()) - 0.5) < 0.02


def logits(rows=40, classes=5):
    return torch.randn(rows, classes, generator=torch.Generator().manual_seed(2))


SEGMENTS = [(2, 15), (0, 20), (1, 5)]


@pytest.mark.parametrize("sought", [None, np.array([1, 4, 0])], ids=["all", "sought"])
def test_both_kinds_of_device_count_the_same(sought):
    found = []
    for counter in (HostCounter(), DeviceCounter("cpu")):
        counter.start(3, sought)
        owners = counter.owners(SEGMENTS)
        for _ in range(2):
            counter.add(logits(), owners)
        found.append(counter.counts().tolist())
    assert found[0] == found[1]
    labels = logits().argmax(1).numpy()
    rows = np.repeat([2, 0, 1], [15, 20, 5])
    counts = 2 * np.array([np.bincount(labels[rows == i], minlength=5) for i in range(3)])
    expected = counts if sought is None else counts[np.arange(3), sought]
    assert found[0] == expected.tolist()


@pytest.mark.parametrize("place", [0, 4])
@pytest.mark.parametrize("sought", [None, np.array([1, 4, 0])], ids=["all", "sought"])
def test_both_kinds_of_device_refuse_nan(sought, place):
    bad = logits()
    bad[7, place] = torch.nan
    for counter in (HostCounter(), DeviceCounter("cpu")):
        counter.start(3, sought)
        with pytest.raises(ArithmeticError, match="logits are NaN"):
            count(counter, bad)


def count(counter, rows):
    counter.add(rows, counter.owners(SEGMENTS))
    return counter.counts()


def test_the_lowest_label_wins_a_tie_and_infinities_are_numbers():
    rows = np.array([[1, 3, 3], [-np.inf, -np.inf, -np.inf], [0, np.inf, 5]], np.float32)
    counts = np.zeros((3, 3), np.int64)
    owners = np.arange(3)
    assert specialise(count_labels).plain(rows, owners, counts) == 0
    assert counts.argmax(1).tolist() == [1, 0, 1]
    hits = np.zeros(3, np.int64)
    assert specialise(count_hits)(rows, owners, np.array([1, 0, 2]), hits) == 0
    assert hits.tolist() == [1, 1, 0]
