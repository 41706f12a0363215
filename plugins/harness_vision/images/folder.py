"""ImageNet's folder layout: ``train/WNID/*.JPEG`` and ``val/WNID/*.JPEG``, decoded when asked for.

The order is that of class folders and file names, sorted, so that an index is the one that
published certification logs use. A label is the class's place in the list of the 1,000 classes,
whichever of them are there. An image is brought to 256 pixels on its shorter side, and its central
224 × 224 are taken; for a training a random part of it is brought to 224 × 224. Needs Pillow.

Before an image is part of a set its file is opened: what is empty, cut short or no image is
left out by name. Sets of at most ``CHECKED`` images are decoded for this; of larger ones the
header and the last bytes are looked at, and a file broken in the middle is told when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness_vision.images import views
from harness_vision.images.image_set import (
    ByteArray,
    CorruptImage,
    Decoded,
    IntArray,
    Kept,
    Skipped,
    UnitArray,
)

__all__ = ["CHECKED", "SHAPE", "JpegFiles", "imagenet_classes", "read_folder", "wnids"]

CHECKED = 5_000
CROP = 224
SHAPE = (3, CROP, CROP)
_SHORTER_SIDE = 256
_SUFFIXES = (".jpeg", ".jpg", ".png")
_JPEG_END = b"\xff\xd9"
_TAIL = 64  # some encoders pad after the end mark
_LIST = Path(__file__).with_name("imagenet.txt")


@cache
def _listed() -> tuple[tuple[str, str], ...]:
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    return tuple((line.partition(" ")[0], line.partition(" ")[2]) for line in lines)


def wnids() -> tuple[str, ...]:
    """WordNet ids of the 1,000 classes, in the order of the labels."""
    return tuple(wnid for wnid, _ in _listed())


def imagenet_classes() -> tuple[str, ...]:
    """Names of the 1,000 classes, in the order of the labels."""
    return tuple(name for _, name in _listed())


def read_folder(
    root: Path,
    known: Sequence[str],
    *,
    every: int = 1,
    limit: int | None = None,
    readers: int = 1,
) -> Kept:
    """Images below the class folders of ``root``: each ``every``-th, at most ``limit``.

    Parameters
    ----------
    known
        Names of the class folders, in the order of the labels; another folder's images are
        left out by name, and are not counted in the indices.
    readers
        Threads that open and decode files, here and later; they change no pixel.

    Raises
    ------
    ValueError
        When there is no such folder, or Pillow is not installed.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is not there: the layout is {root.name}/CLASS/IMAGE.JPEG")
    _pillow()
    labels = {name: label for label, name in enumerate(known)}
    folders = sorted(each for each in root.iterdir() if each.is_dir())
    strangers = [
        Skipped(f"{root.name}/{each.name}", f"the folder is none of the {len(known)} classes")
        for each in folders
        if each.name not in labels
    ]
    files = [
        (file, labels[folder.name])
        for folder in folders
        if folder.name in labels
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in _SUFFIXES
    ]
    chosen = range(0, len(files), every)[:limit]
    faults = dict(_faults([files[row][0] for row in chosen], readers))
    good = [row for place, row in enumerate(chosen) if place not in faults]
    bad = []
    for place, fault in faults.items():
        file = files[chosen[place]][0]
        bad.append(Skipped(f"{root.name}/{file.parent.name}/{file.name}", fault))
    return Kept(
        JpegFiles([files[row][0] for row in good], readers),
        np.array([files[row][1] for row in good], dtype=np.int64),
        np.array(good, dtype=np.int64),
        (*strangers, *bad),
    )


class JpegFiles(Decoded):
    """Image files by row; one is decoded each time that it is asked for.

    Parameters
    ----------
    files
        In the order of the rows.
    readers
        Threads that decode.
    """

    def __init__(self, files: Sequence[Path], readers: int = 1) -> None:
        self.files = tuple(files)
        self.readers = readers

    def __getitem__(self, rows: IntArray) -> ByteArray:
        """Central 224 × 224 pixels, (rows, 3, 224, 224)."""
        return self._read([self.files[row] for row in rows], _decoded)

    def crops(self, rows: IntArray, draws: UnitArray) -> ByteArray:
        """Random parts, each brought to 224 × 224, (rows, 3, 224, 224)."""
        chosen = [(self.files[row], own) for row, own in zip(rows, draws, strict=True)]
        return self._read(chosen, _cropped)

    def chosen(self, rows: IntArray) -> JpegFiles:
        """These rows, in this order."""
        return JpegFiles([self.files[row] for row in rows], self.readers)

    def __len__(self) -> int:
        return len(self.files)

    def _read(self, asked: Sequence[Any], decode: Callable[[Any], ByteArray]) -> ByteArray:
        found = np.empty((len(asked), *SHAPE), dtype=np.uint8)
        # Pillow lets other threads run while it decodes and scales.
        with ThreadPoolExecutor(self.readers) as pool:
            for place, pixels in enumerate(pool.map(decode, asked)):
                found[place] = pixels
        return found


def _faults(files: Sequence[Path], readers: int) -> Iterator[tuple[int, str]]:
    """What is wrong with which of the files."""
    look = _decoded if len(files) <= CHECKED else _glance

    def fault(file: Path) -> str | None:
        try:
            look(file)
        except CorruptImage as error:
            return str(error)
        return None

    with ThreadPoolExecutor(readers) as pool:
        for place, told in enumerate(pool.map(fault, files)):
            if told is not None:
                yield place, told


def _glance(file: Path) -> None:
    """Header and end of a file, without decoding it."""
    pillow = _pillow()
    try:
        with pillow.open(file) as image:
            is_jpeg = image.format == "JPEG"
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise CorruptImage(f"{file} cannot be read: {error}") from error
    if is_jpeg:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _TAIL))
            if _JPEG_END not in stream.read():
                raise CorruptImage(f"{file} is cut short: it has no end mark")


def _decoded(file: Path) -> ByteArray:
    """The middle of the image, (3, 224, 224)."""
    image = _opened(file)
    scaled = image.resize(views.size_at(*image.size, _SHORTER_SIDE), _bilinear())
    return _pixels(scaled.crop(views.central(*scaled.size, CROP)))


def _cropped(asked: tuple[Path, UnitArray]) -> ByteArray:
    """A random part of the image, (3, 224, 224)."""
    file, draws = asked
    image = _opened(file)
    part = image.crop(views.random_area(*image.size, draws))
    return _pixels(part.resize((CROP, CROP), _bilinear()))


def _opened(file: Path) -> Any:
    pillow = _pillow()
    try:
        with pillow.open(file) as opened:
            return opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise CorruptImage(f"{file} cannot be read: {error}") from error


def _pixels(image: Any) -> ByteArray:
    return np.asarray(image, dtype=np.uint8).transpose(2, 0, 1)


def _bilinear() -> Any:
    return _pillow().Resampling.BILINEAR


@cache
def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ValueError("image files need Pillow: pip install pillow") from error
    return Image
