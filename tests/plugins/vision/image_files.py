"""Small files in the official layouts, written from their descriptions."""

import gzip
import io
import os
import pickle
import struct
import tarfile

import numpy as np


def drawn(count, seed=0, classes=10):
    """Labels and CIFAR-shaped bytes."""
    generator = np.random.default_rng([1009, seed])
    labels = generator.integers(0, classes, count)
    return labels, generator.integers(0, 256, (count, 3072), dtype=np.uint8)


def binary_records(labels, pixels):
    return b"".join(
        bytes([label]) + row.tobytes() for label, row in zip(labels, pixels, strict=True)
    )


def _text(told):
    return b"U" + bytes([len(told)]) + told


def pickled_batch(labels, pixels, *, dtype=b"u1", content=None, extra=b"", rows=None):
    """What Python 2 wrote, opcode by opcode: byte strings are its plain strings."""
    content = pixels.tobytes() if content is None else content
    rows, columns = rows or len(pixels), pixels.shape[1]
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n"
        + b"cnumpy\nndarray\n"
        + b"K\x00\x85"
        + _text(b"b")
        + b"\x87R"
        + b"(K\x01"
        + b"J"
        + struct.pack("<i", rows)
        + b"J"
        + struct.pack("<i", columns)
        + b"\x86"
        + b"cnumpy\ndtype\n"
        + _text(dtype)
        + b"K\x00K\x01\x87R"
        + b"(K\x03"
        + _text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T"
        + struct.pack("<i", len(content))
        + content
        + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    batch = b"(" + _text(b"data") + array + _text(b"labels") + numbers + extra + b"u"
    return b"\x80\x02}" + batch + b"."


def archive(path, members):
    """A .tar.gz of ``{name: bytes}``."""
    with tarfile.open(path, "w:gz") as bundle:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))
    return path


def idx_file(path, array, *, promised=None, zipped=True):
    """An idx file of bytes; ``promised`` is what its header says instead of the truth."""
    shape = (len(array) if promised is None else promised, *array.shape[1:])
    content = (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *shape) + array.tobytes()
    )
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


class Runs:
    """Pickled, it would make a folder when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def harmful(mark):
    """A pickle that creates ``mark`` when it is loaded by an ordinary unpickler."""
    return pickle.dumps({"data": Runs(mark)}, protocol=2)
