"""Data sets: declared by plugins, found in ``HARNESS_DATA`` or the cache, verified, fetched.

``declare`` has the record that a plugin fills, ``locate`` finds and verifies a file, ``fetch``
downloads one.
"""

from harness.data.declare import DataSet
from harness.data.locate import cache_folder, describe, locate, verify

__all__ = ["DataSet", "cache_folder", "describe", "locate", "verify"]
