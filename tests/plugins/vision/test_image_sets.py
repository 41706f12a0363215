"""Image sets: official layouts, what is broken in them by name, and nothing is ever unpickled."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from image_files import archive, binary_records, drawn, harmful, idx_file, pickled_batch

from harness.data import describe, locate
from harness.errors import DataMissing
from harness_vision.datasets import DATA_SETS
from harness_vision.images import CorruptImage, cifar, folder, idx, load, shape_of

REAL = os.environ.get("HARNESS_DATA", "")


@pytest.fixture
def declared():
    """The plugin's data sets, as the worker knows them."""
    describe(DATA_SETS)
    return locate


def needs(path):
    here = bool(REAL) and (Path(REAL) / path).exists()
    return pytest.mark.skipif(not here, reason=f"{path} is not under HARNESS_DATA")


def nowhere(name):
    raise DataMissing(f"no {name}")


# Digits


def test_the_split_of_the_digits_is_the_frozen_one():
    train, test = load("digits", nowhere, "train"), load("digits", nowhere, "test")
    assert (len(train), len(test)) == (1297, 500)
    assert test.indices[:5].tolist() == [1768, 1452, 1623, 1356, 1511]
    assert test.indices.sum() == 452_601
    assert np.bincount(test.labels).tolist() == [46, 52, 52, 50, 60, 37, 51, 58, 43, 51]
    assert not set(train.indices) & set(test.indices)
    pixels = test.pixels()
    assert pixels.shape == (500, 1, 8, 8)
    assert pixels.dtype == np.float32
    assert pixels.min() == 0.0
    assert pixels.max() == 1.0
    assert np.array_equal(pixels * 16, np.rint(pixels * 16))


def test_rows_are_taken_without_a_copy_of_the_rest():
    test = load("digits", nowhere, "test")
    some = test.take([7, 3]).take([1])
    assert some.indices.tolist() == [test.indices[3]]
    assert len(some) == 1
    assert np.array_equal(some.pixels(), test.pixels([3]))
    assert np.array_equal(test.take(slice(0, 50)).pixels([49]), test.pixels([49]))


# CIFAR-10


def test_binary_records_come_back_and_strangers_are_named():
    labels, pixels = drawn(20)
    labels[[4, 17]] = 10, 255
    kept = cifar.read_binary(binary_records(labels, pixels) + b"\x03" * 100, "part.bin")
    assert [each.where for each in kept.skipped] == [
        "part.bin, record 20",
        "part.bin, record 4",
        "part.bin, record 17",
    ]
    assert kept.skipped[0].reason == "100 of 3073 bytes"
    assert kept.skipped[2].reason == "label 255 is outside the 10 classes"
    good = [row for row in range(20) if row not in (4, 17)]
    assert kept.indices.tolist() == good
    assert np.array_equal(kept.raw, pixels[good].reshape(-1, 3, 32, 32))
    assert np.array_equal(kept.labels, labels[good])


def test_both_layouts_hold_the_same_images():
    labels, pixels = drawn(30)
    binary = cifar.read_binary(binary_records(labels, pixels), "a.bin")
    pickled = cifar.read_pickled(pickled_batch(labels, pixels), "a")
    assert np.array_equal(binary.raw, pickled.raw)
    assert np.array_equal(binary.labels, pickled.labels)
    assert not pickled.skipped


def test_the_pickles_of_the_tests_are_what_numpy_would_read():
    labels, pixels = drawn(5)
    batch = pickle.loads(pickled_batch(labels, pixels), encoding="bytes")  # our own bytes
    assert np.array_equal(batch[b"data"], pixels)
    assert batch[b"labels"] == labels.tolist()


def test_a_pickle_that_names_anything_else_is_refused_and_not_run(tmp_path):
    mark = tmp_path / "mark"
    with pytest.raises(ValueError, match=r"batch is no pickled CIFAR-10 file: it names \w+.mkdir"):
        cifar.read_pickled(harmful(mark), "batch")
    assert not mark.exists()
    pickle.loads(harmful(mark))  # our own bytes
    assert mark.exists(), "the pickle would have run"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no pickled CIFAR-10 file"),
        (b"not a pickle", "no pickled CIFAR-10 file"),
        (pickled_batch(*drawn(3))[:-2000], "no pickled CIFAR-10 file"),
        (pickle.dumps([1, 2], protocol=2), "no data and labels"),
        (pickle.dumps({b"data": 3, b"labels": []}, protocol=0), "no pickled CIFAR-10 file"),
        (pickled_batch(*drawn(3), dtype=b"O8"), "no array of bytes"),
        (pickled_batch(drawn(3)[0], drawn(3)[1][:, :100]), "has shape"),
        (pickled_batch(*drawn(3), rows=2**31 - 1), "a batch has 10,000 images"),
    ],
)
def test_what_is_no_batch_is_refused_by_name(content, told):
    with pytest.raises(ValueError, match=told) as refused:
        cifar.read_pickled(content, "data_batch_3")
    assert "data_batch_3" in str(refused.value)


def test_a_short_pickled_batch_gives_what_is_whole():
    labels, pixels = drawn(6)
    content = pickled_batch(labels, pixels, content=pixels.tobytes()[:-5000])
    kept = cifar.read_pickled(content, "b")
    assert len(kept.labels) == 4
    assert [each.where for each in kept.skipped] == ["b, record 4", "b, record 5"]


@pytest.mark.parametrize("layout", ["bin", "py"])
def test_an_index_is_the_official_one_even_if_a_file_is_short(tmp_path, layout):
    suffix = ".bin" if layout == "bin" else ""
    write = binary_records if layout == "bin" else pickled_batch
    members = {
        f"cifar-10-batches-{layout}/data_batch_{number}{suffix}": write(*drawn(3, number))
        for number in range(1, 6)
    }
    members[f"cifar-10-batches-{layout}/test_batch{suffix}"] = write(*drawn(4, 9))
    path = archive(tmp_path / "cifar.tar.gz", members)
    train, test = cifar.read_archive(path, "train"), cifar.read_archive(path, "test")
    assert train.indices[[0, 3, 14]].tolist() == [0, 10_000, 40_002]
    assert np.array_equal(test.labels, drawn(4, 9)[0])
    assert np.array_equal(train.raw[3], drawn(3, 2)[1][0].reshape(3, 32, 32))


def test_an_archive_without_a_batch_is_refused(tmp_path):
    path = archive(tmp_path / "cifar.tar.gz", {"cifar-10-batches-bin/test_batch.bin": b""})
    with pytest.raises(ValueError, match="no member data_batch_1"):
        cifar.read_archive(path, "train")


def test_either_archive_serves_the_full_release(tmp_path):
    labels, pixels = drawn(45)
    path = archive(tmp_path / "py.tar.gz", {"c/test_batch": pickled_batch(labels, pixels)})

    def only_pickled(name):
        return path if name == "cifar10-python" else nowhere(name)

    test = load("cifar10", only_pickled, "test", every=20)
    assert test.indices.tolist() == [0, 20, 40]
    assert np.allclose(test.pixels(), pixels[::20].reshape(-1, 3, 32, 32) / 255.0, atol=1e-7)
    assert load("cifar10", only_pickled, "test", every=20, limit=2).indices.tolist() == [0, 20]
    with pytest.raises(DataMissing, match="cifar10-binary"):
        load("cifar10", nowhere, "test")


# Fashion-MNIST


@pytest.mark.parametrize("zipped", [True, False])
def test_idx_files_come_back(tmp_path, zipped):
    labels, pixels = drawn(9)
    images = pixels[:, : 28 * 28].reshape(9, 28, 28)
    kept = idx.read_pair(
        idx_file(tmp_path / "i", images, zipped=zipped),
        idx_file(tmp_path / "l", labels.astype(np.uint8), zipped=zipped),
        10,
    )
    assert np.array_equal(kept.raw[:, 0], images)
    assert np.array_equal(kept.labels, labels)
    assert not kept.skipped


def test_what_lacks_pixels_or_a_label_is_named(tmp_path):
    labels, pixels = drawn(6)
    labels[2] = 10
    images = pixels[:, : 28 * 28].reshape(6, 28, 28)
    short = idx_file(tmp_path / "images", images[:5], promised=6)
    marks = idx_file(tmp_path / "labels", labels[:4].astype(np.uint8), promised=6)
    kept = idx.read_pair(short, marks, 10)
    assert kept.indices.tolist() == [0, 1, 3]
    assert {each.where: each.reason for each in kept.skipped} == {
        "images, image 4": "labels has no label",
        "images, image 5": "the file ends before it",
        "labels, label 2": "label 10 is outside the 10 classes",
    }


def test_a_stream_that_breaks_off_gives_what_is_whole(tmp_path):
    pixels = drawn(500)[1][:, : 28 * 28].reshape(500, 28, 28)
    path = idx_file(tmp_path / "i.gz", pixels)
    path.write_bytes(path.read_bytes()[:200_000])
    entries, promised = idx.read_idx(path)
    assert promised == 500
    assert 0 < len(entries) < 500
    assert np.array_equal(entries, pixels[: len(entries)])


@pytest.mark.parametrize("promised", [10_000_001, 4_000_000_000])
def test_a_header_that_promises_more_than_any_set_has_is_damaged(tmp_path, promised):
    path = idx_file(tmp_path / "i", np.zeros((2, 3, 3), np.uint8), promised=promised)
    with pytest.raises(ValueError, match=f"i has a damaged header: it promises {promised:,}"):
        idx.read_idx(path)


def test_no_idx_file_is_refused(tmp_path):
    (tmp_path / "i").write_bytes(b"\x00\x00\x0d\x01\x00\x00\x00\x01")
    with pytest.raises(ValueError, match="no idx file of bytes"):
        idx.read_idx(tmp_path / "i")


# ImageNet


@pytest.fixture
def pictures(tmp_path):
    """Two class folders and a stranger; files that are whole, empty, cut short, and no image."""
    image = pytest.importorskip("PIL.Image")
    generator = np.random.default_rng(3)
    noise = generator.integers(0, 256, (256, 512, 3), dtype=np.uint8)
    root = tmp_path / "val"
    for name in ("n01440764", "n01484850", "n00000000"):
        (root / name).mkdir(parents=True)
    image.fromarray(noise).save(root / "n01440764" / "b.png")
    image.fromarray(noise).save(root / "n01440764" / "c.JPEG")
    (root / "n01440764" / "a.JPEG").write_bytes(b"")
    (root / "n01440764" / "note.txt").write_text("no image")
    whole = (root / "n01440764" / "c.JPEG").read_bytes()
    (root / "n01484850" / "x.JPEG").write_bytes(whole[: len(whole) // 2])
    (root / "n01484850" / "y.JPEG").write_text("a page that was saved instead of an image")
    image.fromarray(noise.transpose(1, 0, 2)).convert("L").save(root / "n01484850" / "z.JPEG")
    image.fromarray(noise).save(root / "n00000000" / "s.JPEG")
    return root, noise


@pytest.mark.parametrize("checked", [folder.CHECKED, 0])
def test_broken_files_are_left_out_by_name_and_indices_count_them(pictures, monkeypatch, checked):
    root, noise = pictures
    monkeypatch.setattr(folder, "CHECKED", checked)
    kept = folder.read_folder(root, folder.wnids())
    assert [each.where for each in kept.skipped] == [
        "val/n00000000",
        "val/n01440764/a.JPEG",
        "val/n01484850/x.JPEG",
        "val/n01484850/y.JPEG",
    ]
    assert kept.indices.tolist() == [1, 2, 5]
    assert kept.labels.tolist() == [0, 0, 2]
    pixels = kept.raw[np.array([0])]
    # The shorter side is 256 already: the crop is the picture's own centre.
    assert np.array_equal(pixels[0], noise[16:240, 144:368].transpose(2, 0, 1))
    grey = kept.raw[np.array([2])][0]
    assert grey.shape == (3, 224, 224)
    assert np.array_equal(grey[0], grey[2])


def test_every_so_many_and_at_most(pictures):
    root, _ = pictures
    assert folder.read_folder(root, folder.wnids(), every=2).indices.tolist() == [2]
    assert folder.read_folder(root, folder.wnids(), every=5).indices.tolist() == [5]
    assert folder.read_folder(root, folder.wnids(), limit=2).indices.tolist() == [1]


def test_a_file_that_breaks_later_is_named_when_it_is_read(pictures):
    root, _ = pictures
    test = load("imagenet", lambda name: root.parent, "test")
    (root / "n01440764" / "c.JPEG").write_bytes(b"gone bad")
    assert len(test) == 3
    assert test.classes[2] == "great white shark"
    with pytest.raises(CorruptImage, match=r"c\.JPEG"):
        test.pixels([1])


def test_without_pillow_the_package_is_named(pictures, monkeypatch):
    folder._pillow.cache_clear()
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ValueError, match="pip install pillow"):
        folder.read_folder(pictures[0], folder.wnids())
    folder._pillow.cache_clear()


def test_the_list_of_imagenets_classes_is_whole():
    assert len(set(folder.wnids())) == 1000
    assert list(folder.wnids()) == sorted(folder.wnids())
    assert folder.imagenet_classes()[0] == "tench"
    assert folder.imagenet_classes()[999] == "toilet tissue"


def test_imagenet_is_found_as_a_folder(tmp_path, declared, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    with pytest.raises(DataMissing, match="harness data fetch imagenet"):
        locate("imagenet")
    (tmp_path / "imagenet").mkdir()
    assert locate("imagenet") == tmp_path / "imagenet"
    with pytest.raises(ValueError, match="train is not there"):
        load("imagenet", declared, "train")


# Refusals and the real files


@pytest.mark.parametrize(
    ("name", "how", "told"),
    [
        ("cifar100", {}, "there is no image set 'cifar100'; there are digits, "),
        ("digits", {"every": 0}, "every and limit must be at least 1"),
        ("digits", {"limit": 0}, "every and limit must be at least 1"),
    ],
)
def test_requests_that_make_no_sense_are_refused(name, how, told):
    with pytest.raises(ValueError, match=told):
        load(name, nowhere, "test", **how)


def test_a_split_is_train_or_test():
    with pytest.raises(ValueError, match="train or test, got 'val'"):
        load("digits", nowhere, "val")
    with pytest.raises(ValueError, match="no image set"):
        shape_of("cats")


def test_no_image_left_is_told(tmp_path):
    (tmp_path / "test_batch.bin").write_bytes(b"\xff" * 3073)
    with pytest.raises(ValueError, match=r"no image is left of cifar10-4000 test: .*label 255"):
        load("cifar10-4000", lambda name: tmp_path / "test_batch.bin", "test")


@needs("cifar10")
def test_the_real_images_are_the_first_ones(declared):
    train, test = load("cifar10-4000", declared, "train"), load("cifar10-4000", declared, "test")
    assert (len(train), len(test)) == (4000, 1000)
    assert [test.classes[label] for label in test.labels[:4]] == ["cat", "ship", "ship", "airplane"]
    assert train.labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert (train.pixels([0])[0, 0, 0, :4] * 255).round().tolist() == [59, 43, 50, 68]
    assert np.bincount(test.labels).tolist() == [103, 89, 100, 103, 90, 86, 112, 102, 106, 109]


@needs("fashion-mnist")
def test_the_real_clothes_have_their_known_mean(declared):
    test = load("fashion-mnist", declared, "test")
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert test.labels[:5].tolist() == [9, 2, 1, 1, 6]
    assert test.pixels().mean() == pytest.approx(0.28685, abs=1e-5)


def test_the_plugins_root_imports_nothing_heavy():
    code = (
        "import sys, harness_vision; harness_vision.harness_datasets(); "
        "print([each for each in ('numpy', 'torch', 'sklearn') if each in sys.modules])"
    )
    paths = os.pathsep.join(each for each in sys.path if each)
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"
