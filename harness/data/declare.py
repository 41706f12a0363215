"""What a plugin says of a data set that it uses; nothing here touches the disk."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DataSet"]


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A file of data: what it is, where it comes from, how to know that it is the right one.

    Parameters
    ----------
    name
        As in ``harness data fetch NAME`` and ``cell.data(NAME)``.
    path
        Where it lies below ``HARNESS_DATA`` or the cache, with ``/`` between folders.
    sha256
        Of the file; a file with another hash is refused. Empty for a folder.
    bytes
        Its size.
    licence, source
        Under which terms, and from where, for people.
    url
        A direct address, or ``None`` where it has to be put there by hand.
    description
        One line for ``harness data list``.
    is_folder
        Whether ``path`` is a folder of many files. It is found by name, its content is not
        hashed, and who reads it leaves out by name what is broken.
    """

    name: str
    path: str
    sha256: str
    bytes: int
    licence: str
    source: str
    url: str | None = None
    description: str = ""
    is_folder: bool = False
