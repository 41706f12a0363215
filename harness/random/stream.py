"""Keys and named streams: where the randomness of a cell comes from.

A key is 63 bits of a hash of what the stream is for. One key serves one purpose: two uses of
one key at one counter are the same numbers, so a second purpose takes ``stream.sub("name")``.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["KEY_BITS", "Stream", "derive_key"]

# From 2**63 on a Python int becomes an unsigned type in compiled code, and a sum with it a
# negative number: keys stay below.
KEY_BITS = 63
_MASK = (1 << KEY_BITS) - 1


def derive_key(*parts: str | int) -> int:
    """A 63-bit key from names and numbers, the same on every machine.

    Parts are length-prefixed and typed, so that ``("a", "bc")`` and ``("ab", "c")``, or
    ``1`` and ``"1"``, give different keys.
    """
    digest = blake2b(digest_size=8)
    for part in parts:
        text = str(part).encode()
        digest.update(b"%c%d:" % (b"i" if isinstance(part, int) else b"s", len(text)))
        digest.update(text)
    return int.from_bytes(digest.digest(), "little") & _MASK


class Stream:
    """A source of counter-based draws, named by what it is for.

    ``key`` goes to the functions of :mod:`harness.random`; :meth:`numpy` and :meth:`torch`
    give ordinary generators seeded from it.
    """

    __slots__ = ("_key", "_parts")

    def __init__(self, *parts: str | int) -> None:
        self._parts = parts
        self._key: int | None = None

    @property
    def key(self) -> int:
        """The 63-bit key; hashed on first use."""
        if self._key is None:
            self._key = derive_key(*self._parts)
        return self._key

    def sub(self, *names: str | int) -> Stream:
        """An independent stream under this one, by name or number (``sub("epoch", 7)``)."""
        return Stream("sub", self.key, *names)

    def numpy(self) -> np.random.Generator:
        """A numpy generator (Philox) that starts at this stream's key."""
        import numpy as np

        return np.random.Generator(np.random.Philox(key=self.key))

    def torch(self, device: str = "cpu") -> torch.Generator:
        """A torch generator on ``device`` that starts at this stream's key."""
        import torch

        return torch.Generator(device=device).manual_seed(self.key)

    def __repr__(self) -> str:
        return f"Stream({', '.join(map(repr, self._parts))})"
