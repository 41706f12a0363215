"""Download a declared data set into the cache, with a progress bar."""

from __future__ import annotations

from pathlib import Path

from harness.data.declare import DataSet
from harness.data.locate import cache_folder, verify
from harness.errors import DataMissing

__all__ = ["fetch"]


def fetch(data_set: DataSet, *, progress: bool = False) -> Path:
    """The verified file, downloaded when it is not there.

    Raises
    ------
    DataMissing
        When there is no direct address, or the download fails or is another file.
    """
    place, is_right = verify(data_set)
    if place is not None and is_right:
        return place
    if data_set.url is None:
        raise DataMissing(
            f'"{data_set.name}" has no direct address: get it from {data_set.source} and put it '
            f"at {cache_folder() / 'data' / data_set.path}"
        )
    import pooch

    target = cache_folder() / "data" / data_set.path
    try:
        found = pooch.retrieve(
            url=data_set.url,
            known_hash=f"sha256:{data_set.sha256}",
            fname=target.name,
            path=target.parent,
            progressbar=progress,
        )
    except (OSError, ValueError) as error:
        raise DataMissing(f'"{data_set.name}" could not be fetched: {error}') from error
    return Path(found)
