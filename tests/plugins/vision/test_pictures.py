"""Pictures of any size: the random parts that a training sees, and how they are read."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from simulated_gpu import simulated_gpu
from vision_world import are_equal, context_of

import harness
from harness_vision.augmentation import augmented, usual
from harness_vision.certification.data_sets import ImageNet
from harness_vision.images import catalogue, folder, load, views
from harness_vision.loop import Training
from harness_vision.recipes.gaussian import Gaussian
from harness_vision.recipes.plain import Plain
from harness_vision.recipes.smoothadv import SmoothAdvPGD

image = pytest.importorskip("PIL.Image")
CLASSES = ("n01440764", "n01484850")
SMALL = {"backbone": "strided-cnn", "epochs": 1, "batch": 4, "lr": 0.01, "on_collapse": "keep"}
RESIZED = "resized-crop-flip"


# Random areas

uniform = st.floats(0, 1, exclude_max=True)
sides = st.integers(1, 3_000)


@given(sides, sides, st.lists(uniform, min_size=40, max_size=40))
def test_an_area_lies_within_the_picture_in_the_shape_that_was_asked(width, height, numbers):
    box = views.random_area(width, height, np.array(numbers).reshape(views.DRAWS))
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.top < box.bottom <= height
    wide, high = box.right - box.left, box.bottom - box.top
    # Each side was rounded by at most a half.
    assert (wide - 0.5) / (high + 0.5) <= 4 / 3
    assert (wide + 0.5) / (high - 0.5) >= 3 / 4
    shares_an_area = (wide + 0.5) * (high + 0.5) >= 0.08 * width * height
    assert shares_an_area or not 3 / 4 <= width / height <= 4 / 3


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((1_000, 10), (493, 0, 506, 10)),  # 4 : 3 of the middle
        ((10, 1_000), (0, 493, 10, 506)),
        ((90, 100), (0, 0, 90, 100)),  # all of it
    ],
)
def test_where_no_try_fits_the_middle_is_taken(size, box):
    too_large = np.full(views.DRAWS, 1 - 1e-9)  # all of the area, at 4 : 3
    too_large[1::2, 1] = 0.0  # and at 3 : 4
    assert views.random_area(*size, too_large) == box


def test_areas_are_as_often_small_as_in_theory():
    """Of a square: up to ¾ each try fits; beyond, shapes from s to 1/s of area s do."""
    draws = np.random.default_rng(16).random((20_000, *views.DRAWS))
    boxes = np.array([views.random_area(4_000, 4_000, each) for each in draws])
    wide, high = (boxes[:, 2] - boxes[:, 0]) / 4_000, (boxes[:, 3] - boxes[:, 1]) / 4_000
    fits_beyond = (0.25 + 0.75 * math.log(0.75)) / math.log(4 / 3)
    up_to = 0.67 / (0.67 + fits_beyond)
    error = math.sqrt(up_to * (1 - up_to) / len(draws))
    assert abs((wide * high <= 0.75).mean() - up_to) < 4 * error
    shapes = np.log(wide / high)
    assert abs(shapes.mean()) < 4 * shapes.std() / math.sqrt(len(draws))
    places = boxes[:, 0] / np.maximum(1, 4_000 - (boxes[:, 2] - boxes[:, 0]))
    assert abs(places.mean() - 0.5) < 4 * places.std() / math.sqrt(len(draws))


# Their pixels


@pytest.fixture
def imagenet(tmp_path):
    """Twelve pictures of two classes to train on and four to test on, one of them broken."""
    generator = np.random.default_rng(9)
    root = tmp_path / "data" / "imagenet"
    for split, count in (("train", 6), ("val", 2)):
        for label, name in enumerate(CLASSES):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                noise = generator.integers(0, 256, (250, 300, 3), dtype=np.uint8)
                noise[..., label] = 255
                image.fromarray(noise).save(root / split / name / f"{number}.png")
    broken = root / "val" / CLASSES[0] / "0.png"
    broken.write_bytes(broken.read_bytes()[:5_000])
    return root


def read(root, split="train", readers=1):
    return load("imagenet", lambda name: root, split, readers=readers)


def test_an_area_of_the_right_size_is_not_resized(imagenet):
    images = read(imagenet)
    share = (224 * 224 / (300 * 250) - 0.08) / 0.92
    draws = np.array([[[share, 0.5, 0.5, 0.25]] * 10])
    whole = np.asarray(image.open(imagenet / "train" / CLASSES[0] / "2.png"))
    expected = whole[13 : 13 + 224, 19 : 19 + 224].transpose(2, 0, 1) / np.float32(255)
    assert np.array_equal(images.crops([2], draws)[0], expected)


def test_nothing_outside_the_area_shows_in_it(imagenet):
    path = imagenet / "train" / CLASSES[0] / "0.png"
    picture = np.zeros((250, 300, 3), np.uint8)
    draws = np.random.default_rng(5).random((1, *views.DRAWS))
    left, top, right, bottom = views.random_area(300, 250, draws[0])
    picture[top:bottom, left:right] = 200
    image.fromarray(picture).save(path)
    assert np.unique(read(imagenet).crops([0], draws) * 255).tolist() == [200]


@pytest.mark.parametrize("split", ["train", "val"])
def test_readers_change_no_pixel(imagenet, split):
    alone, many = (read(imagenet, "train" if split == "train" else "test", n) for n in (1, 3))
    draws = np.random.default_rng(2).random((len(alone), *views.DRAWS))
    rows = np.arange(len(alone))[::-1]
    assert np.array_equal(alone.pixels(rows), many.pixels(rows))
    assert np.array_equal(alone.crops(rows, draws), many.crops(rows, draws))
    assert alone.skipped == many.skipped
    taken = many.take(rows).take([1, 0])
    assert np.array_equal(taken.crops([0, 1], draws[:2]), alone.crops(rows[[1, 0]], draws[:2]))


def test_a_visit_is_named_by_its_generator_and_half_are_flipped(imagenet):
    images = read(imagenet)
    rows = np.zeros(200, dtype=np.int64)
    path = imagenet / "train" / CLASSES[0] / "0.png"
    slope = np.broadcast_to(np.arange(300)[None, :, None] * 0.8, (250, 300, 3))
    image.fromarray(slope.astype(np.uint8)).save(path)

    def visit(seed):
        return augmented(images, rows, RESIZED, torch.Generator().manual_seed(seed))

    first = visit(1)
    assert torch.equal(first, visit(1))
    assert not torch.equal(first, visit(2))
    falls = first[:, 0, 0, 0] > first[:, 0, 0, -1]
    assert 75 < int(falls.sum()) < 125


# Training on them: at 32 × 32, so that a network is small


@pytest.fixture
def at_32(imagenet, monkeypatch):
    monkeypatch.setattr(folder, "CROP", 32)
    monkeypatch.setattr(folder, "SHAPE", (3, 32, 32))
    monkeypatch.setattr(folder, "_SHORTER_SIDE", 36)
    monkeypatch.setitem(catalogue._SHAPES, "imagenet", (3, 32, 32))
    return imagenet


def trained(recipe, folder, root, machine=None):
    """What a recipe trains on the pictures, on the CPU or on a simulated card."""
    model = recipe.model("imagenet", 0, 12)
    context = context_of(model, folder)
    context.data = lambda name: root
    if machine is None:
        model.build(context)
    else:
        context.device = "cuda"
        with machine():
            model.build(context)
    return model.load(context.folder)


def test_pictures_that_are_read_ahead_for_a_card_are_the_ones_of_the_processor(at_32, tmp_path):
    recipe = Gaussian(**SMALL | {"epochs": 2})
    there = trained(recipe, tmp_path / "card", at_32, simulated_gpu)
    here = trained(recipe, tmp_path / "processor", at_32)
    assert are_equal(there, here)
    plain = trained(replace(recipe, augment="none"), tmp_path / "unchanged", at_32)
    assert not are_equal(plain, here)


def test_a_picture_that_breaks_while_it_is_read_ahead_is_named(at_32, tmp_path, monkeypatch):
    run = Training.run

    def spoiled(training):
        (at_32 / "train" / CLASSES[1] / "3.png").write_bytes(b"gone bad")
        return run(training)

    monkeypatch.setattr(Training, "run", spoiled)
    with pytest.raises(folder.CorruptImage, match=r"n01484850/3\.png"):
        trained(Plain(**SMALL), tmp_path / "m", at_32, simulated_gpu)


def test_images_of_one_size_have_no_parts_to_resize():
    for recipe in (
        Plain(augment=RESIZED),
        Plain(augment=RESIZED, pretrained_on="digits", backbone="small-cnn"),
    ):
        with pytest.raises(ValueError, match=r"the images of digits are of one size: take crop"):
            recipe.check("digits")
    with pytest.raises(ValueError, match="of one size"):
        load("digits", None, "test").crops([0], np.zeros((1, *views.DRAWS)))
    assert usual("imagenet") == RESIZED
    assert usual("cifar10") == "crop-flip"
    assert usual("digits") == "none"


def test_imagenet_is_trained_on_and_certified_as_in_the_full_suite(at_32, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(at_32.parent))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (at_32 / "train" / CLASSES[1] / "4.png").write_bytes(b"")
    (at_32 / "train" / "n99999999").mkdir()
    task = ImageNet(n=200, every=1, train_images=12, radii=(0.0, 0.25))
    settings = SMALL | {"epochs": 12, "lr": 0.01, "decay_every": 0}
    recipe = SmoothAdvPGD(epsilon=0.25, draws=2, steps=1, warm_up=1, **settings)
    board = harness.evaluate(task, {"adv": recipe}, seeds=[0])
    assert board["status"].tolist() == ["ok"]
    assert board["images_skipped"].tolist() == [1.0]
    assert board["training_images_skipped"].tolist() == [2.0]
    # One class lacks no red and the other no green, in whatever part of a picture.
    assert board["smoothed_accuracy"].tolist() == [1.0]
    assert board["mean_certified_accuracy"].tolist() == [1.0]
