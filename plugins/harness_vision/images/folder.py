"""ImageNet's folder layout: ``train/WNID/*.JPEG`` and ``val/WNID/*.JPEG``, decoded when asked for.

The order is that of class folders and file names, sorted, so that an index is the one that
published certification logs use. A label is the class's place in the list of the 1,000 classes,
whichever of them are there. An image is brought to 256 pixels on its shorter side, and its central
224 × 224 are taken. Needs Pillow.

Before an image is part of a set its file is opened: what is empty, cut short or no image is
left out by name. Sets of at most ``CHECKED`` images are decoded for this; of larger ones the
header and the last bytes are looked at, and a file broken in the middle is told when it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness_vision.images.image_set import ByteArray, CorruptImage, IntArray, Kept, Skipped

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
    root: Path, known: Sequence[str], *, every: int = 1, limit: int | None = None
) -> Kept:
    """Images below the class folders of ``root``: each ``every``-th, at most ``limit``.

    Parameters
    ----------
    known
        Names of the class folders, in the order of the labels; another folder's images are
        left out by name, and are not counted in the indices.

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
    faults = dict(_faults([files[row][0] for row in chosen]))
    good = [row for place, row in enumerate(chosen) if place not in faults]
    bad = []
    for place, fault in faults.items():
        file = files[chosen[place]][0]
        bad.append(Skipped(f"{root.name}/{file.parent.name}/{file.name}", fault))
    return Kept(
        JpegFiles([files[row][0] for row in good]),
        np.array([files[row][1] for row in good], dtype=np.int64),
        np.array(good, dtype=np.int64),
        (*strangers, *bad),
    )


class JpegFiles:
    """Image files by row; one is decoded each time that it is asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)

    def __getitem__(self, rows: IntArray) -> ByteArray:
        """Central 224 × 224 pixels, (rows, 3, 224, 224)."""
        found = np.empty((len(rows), *SHAPE), dtype=np.uint8)
        for place, row in enumerate(rows):
            found[place] = _decoded(self.files[row])
        return found

    def __len__(self) -> int:
        return len(self.files)


def _faults(files: Sequence[Path]) -> Iterator[tuple[int, str]]:
    """What is wrong with which of the files."""
    look = _decoded if len(files) <= CHECKED else _glance
    for place, file in enumerate(files):
        try:
            look(file)
        except CorruptImage as fault:
            yield place, str(fault)


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
    """The image as the network sees it, (3, 224, 224)."""
    pillow = _pillow()
    try:
        with pillow.open(file) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise CorruptImage(f"{file} cannot be read: {error}") from error
    width, height = image.size
    if width <= height:
        size = (_SHORTER_SIDE, int(_SHORTER_SIDE * height / width))
    else:
        size = (int(_SHORTER_SIDE * width / height), _SHORTER_SIDE)
    left, top = round((size[0] - CROP) / 2), round((size[1] - CROP) / 2)
    scaled = image.resize(size, pillow.Resampling.BILINEAR)
    cropped = scaled.crop((left, top, left + CROP, top + CROP))
    return np.asarray(cropped, dtype=np.uint8).transpose(2, 0, 1)


@cache
def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ValueError("image files need Pillow: pip install pillow") from error
    return Image
