"""The chained checksum of a stream's batches.

``sum_k = blake2b-128(sum_{k-1}, header of batch k, bytes of its columns)``. A batch that was
changed, dropped, repeated or moved does not fit what follows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import pyarrow as pa

__all__ = ["START", "Chain"]

START = bytes(16)
"""The sum before the first batch."""

_TEXT = 0  # in place of a width


class Chain:
    """Sums batches of one schema: fixed-width columns and strings."""

    def __init__(self, schema: pa.Schema) -> None:
        self._widths = [
            _TEXT if field.type == pa.string() else field.type.bit_width for field in schema
        ]

    def step(self, previous: bytes, header: bytes, batch: pa.RecordBatch) -> bytes:
        """The sum of ``batch`` (of at least one row, its columns unsliced) after ``previous``.

        Only bytes that hold values are summed, not padding, so a batch has one sum before
        it is written and after it is read.
        """
        digest = blake2b(previous, digest_size=16)
        rows = batch.num_rows
        digest.update(b"%d %d " % (rows, len(header)) + header)
        for column, width in zip(batch.columns, self._widths, strict=True):
            for piece in _pieces(column, width, rows):
                digest.update(piece)
        return digest.digest()


def _pieces(column: pa.Array, width: int, rows: int) -> Iterator[memoryview | bytes]:
    nulls, *data = column.buffers()
    if column.null_count:
        yield memoryview(nulls)[: (rows + 7) // 8]
    else:
        yield b"-"
    if width != _TEXT:
        yield memoryview(data[0])[: (rows * width + 7) // 8]
        return
    offsets = memoryview(data[0])[: 4 * rows + 4]
    yield offsets
    end = int.from_bytes(offsets[-4:], "little")
    if end:
        yield memoryview(data[1])[:end]
