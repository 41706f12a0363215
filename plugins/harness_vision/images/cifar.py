"""CIFAR-10's two official layouts, from a file or out of the official archive.

*Binary*: records of 3,073 bytes, a label and 1,024 red, green and blue bytes, row by row. A file
holds as many records as its size says (10,000 in the official ones).

*Pickled*: a dictionary that Python 2 wrote: ``data`` (records × 3,072 bytes), ``labels``, file
names. A pickle is a program, and this one is not run: three names may occur in it, each stands
for a record of ours that only remembers what it is told, and the pixels are then taken from the
bytes that were noted. Any other name is refused before anything of it is looked up.
"""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from harness_vision.images.image_set import ByteArray, IntArray, Kept, Skipped, keep

__all__ = ["CLASSES", "SHAPE", "read_archive", "read_binary", "read_pickled"]

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SHAPE = (3, 32, 32)
RECORD = 3073
_PIXELS = RECORD - 1
_OFFICIAL = 10_000  # records of an official file: index of the next file's first image
_NOT_A_PICKLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
)
_BATCHES = {
    "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
    "test": ("test_batch",),
}


class _Records(NamedTuple):
    """One file's images and labels as they stand there."""

    images: ByteArray
    labels: IntArray
    skipped: tuple[Skipped, ...]


def read_binary(content: bytes, name: str, first: int = 0) -> Kept:
    """Images of one binary file; ``first`` is the official index of its first record."""
    whole = len(content) // RECORD
    records = np.frombuffer(content, np.uint8, whole * RECORD).reshape(whole, RECORD)
    left = len(content) - whole * RECORD
    short = (Skipped(f"{name}, record {whole}", f"{left} of {RECORD} bytes"),) if left else ()
    return _kept(_Records(records[:, 1:], records[:, 0].astype(np.int64), short), name, first)


def read_pickled(content: bytes, name: str, first: int = 0) -> Kept:
    """Images of one pickled file, without running the pickle.

    Raises
    ------
    ValueError
        When the file holds anything but the official dictionary.
    """
    try:
        batch = _Reader(io.BytesIO(content), encoding="bytes").load()
    except _NOT_A_PICKLE as error:
        raise ValueError(f"{name} is no pickled CIFAR-10 file: {error}") from error
    if not isinstance(batch, Mapping) or b"data" not in batch or b"labels" not in batch:
        raise ValueError(f"{name} is no pickled CIFAR-10 file: it has no data and labels")
    return _kept(_unpacked(batch[b"data"], batch[b"labels"], name), name, first)


def read_archive(path: Path, split: str) -> Kept:
    """A split of the full release, out of either official archive."""
    found: list[Kept] = []
    with tarfile.open(path, "r:*") as archive:
        members = {Path(each.name).name: each for each in archive.getmembers() if each.isfile()}
        for number, batch in enumerate(_BATCHES[split]):
            is_binary = f"{batch}.bin" in members
            name = f"{batch}.bin" if is_binary else batch
            if name not in members:
                raise ValueError(f"{path.name} has no member {name}")
            file = archive.extractfile(members[name])
            assert file is not None, "a regular file has content"
            read = read_binary if is_binary else read_pickled
            found.append(read(file.read(), name, number * _OFFICIAL))
    return Kept(
        np.concatenate([np.asarray(each.raw) for each in found]),
        np.concatenate([each.labels for each in found]),
        np.concatenate([each.indices for each in found]),
        tuple(skip for each in found for skip in each.skipped),
    )


def _kept(records: _Records, name: str, first: int) -> Kept:
    where = [f"{name}, record {row}" for row in range(len(records.labels))]
    images = records.images.reshape(len(records.labels), *SHAPE)
    kept = keep(images, records.labels, len(CLASSES), where, records.skipped)
    return kept._replace(indices=kept.indices + first)


def _unpacked(data: Any, labels: Any, name: str) -> _Records:
    """The pixels that the pickle noted, as far as they are whole images with a label."""
    if not isinstance(data, _Array) or data.dtype != b"u1" or data.is_fortran:
        raise ValueError(f"{name}: data is no array of bytes")
    if not isinstance(labels, list) or not all(type(each) is int for each in labels):
        raise ValueError(f"{name}: labels are no list of numbers")
    if len(data.shape) != 2 or data.shape[1] != _PIXELS:
        raise ValueError(f"{name}: an image has {_PIXELS} bytes, data has shape {data.shape}")
    if data.shape[0] > _OFFICIAL:
        raise ValueError(f"{name}: a batch has {_OFFICIAL:,} images, data has shape {data.shape}")
    present = min(data.shape[0], len(data.content) // _PIXELS, len(labels))
    claimed = max(data.shape[0], len(labels))
    short = tuple(
        Skipped(f"{name}, record {row}", "the file ends before its pixels or its label")
        for row in range(present, claimed)
    )
    images = np.frombuffer(data.content, np.uint8, present * _PIXELS).reshape(present, _PIXELS)
    return _Records(images, np.array(labels[:present], dtype=np.int64), short)


class _Dtype:
    """What a pickled dtype says of itself."""

    def __init__(self, code: bytes = b"", *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        """Byte order and alignment mean nothing for single bytes."""


class _Array:
    """What a pickled array says of itself: nothing is computed from it here."""

    shape: tuple[int, ...] = ()
    dtype: bytes = b""
    is_fortran: bool = False
    content: bytes = b""

    def __init__(self, *_: Any) -> None:
        """The official files build an empty array and then tell what it holds."""

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, is_fortran, content = state
        if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
            raise ValueError("an array holds something else than bytes")
        self.shape, self.dtype = tuple(int(each) for each in shape), dtype.code
        self.is_fortran, self.content = bool(is_fortran), content


_ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _Reader(pickle.Unpickler):
    """Admits the three names of the official files, as inert records of ours."""

    def find_class(self, module: str, name: str) -> Any:
        """Ours for an admitted name; nothing is ever imported."""
        if (module, name) not in _ADMITTED:
            raise ValueError(f"it names {module}.{name}, which a CIFAR-10 file has no use for")
        return _ADMITTED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """The official files have none."""
        raise ValueError("it refers to something outside itself")
