"""The idx layout of MNIST and Fashion-MNIST, gzipped or not."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np

from harness_vision.images.image_set import ByteArray, Kept, Skipped, keep

__all__ = ["read_idx", "read_pair"]

_BYTES = 0x08  # the code of unsigned bytes in the magic number
_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 14
_MOST = 10_000_000  # entries that a header is believed; each that the file lacks is named


def read_idx(path: Path) -> tuple[ByteArray, int]:
    """The whole entries of an idx file of bytes, and how many its header promises.

    A file that ends early, or whose compressed stream breaks off, gives what is whole.

    Raises
    ------
    ValueError
        When the header is none of an idx file of bytes, or is damaged.
    """
    content = _content(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _BYTES or not content[3]:
        raise ValueError(f"{path.name} is no idx file of bytes: it begins with {content[:4].hex()}")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError(f"{path.name} ends within its header")
    promised, *shape = np.frombuffer(content, ">u4", dimensions, offset=4).tolist()
    size = math.prod(shape)
    if promised > _MOST:
        raise ValueError(f"{path.name} has a damaged header: it promises {promised:,} entries")
    whole = min(promised, (len(content) - start) // size) if size else 0
    entries = np.frombuffer(content, np.uint8, whole * size, offset=start)
    return entries.reshape(whole, *shape), promised


def read_pair(images: Path, labels: Path, classes: int) -> Kept:
    """Images (one channel) with their labels; what lacks one of the two is skipped by name."""
    pixels, promised = read_idx(images)
    marks, marked = read_idx(labels)
    if pixels.ndim != 3 or marks.ndim != 1:
        raise ValueError(f"{images.name} and {labels.name} are no images and labels")
    both = min(len(pixels), len(marks))
    lost = [
        Skipped(
            f"{images.name}, image {row}",
            "the file ends before it" if row >= len(pixels) else f"{labels.name} has no label",
        )
        for row in range(both, max(promised, marked))
    ]
    where = [f"{labels.name}, label {row}" for row in range(both)]
    return keep(pixels[:both, None], marks[:both].astype(np.int64), classes, where, lost)


def _content(path: Path) -> bytes:
    raw = path.read_bytes()
    if not raw.startswith(_GZIP):
        return raw
    stream = zlib.decompressobj(wbits=31)
    found = []
    try:
        for start in range(0, len(raw), _BLOCK):
            found.append(stream.decompress(raw[start : start + _BLOCK]))
    except zlib.error:
        pass  # what came before the break is whole; the header tells what is missing
    return b"".join(found)
