"""What a finished run's suite asked, read again from the text that the run keeps.

No code that the suite names is loaded: a run may be a stranger's.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from harness.errors import HarnessError
from harness.store.record import RunRecord
from harness.suite.claim_parts import Planned
from harness.suite.claims import read_claims
from harness.suite.compose import Composed, compose
from harness.suite.document import Faults, MapNode, Node, ScalarNode, plain
from harness.suite.model import Claim, Published
from harness.suite.published import read_published

__all__ = ["Asked", "asked"]


class Asked(NamedTuple):
    """What a suite asks of its results."""

    claims: tuple[Claim, ...]
    published: tuple[Published, ...]


def asked(record: RunRecord) -> Asked | None:
    """Claims and published figures of the run's suite; ``None`` where its text is not whole."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "suite.yaml"
        copy.write_text(record.suite_text, encoding="utf-8")
        found = _read(copy, record)
    # A suite that includes others is read where it lies, if it is still the same.
    return found or (_read(Path(record.suite_path), record) if record.suite_path else None)


def _read(path: Path, record: RunRecord) -> Asked | None:
    faults = Faults()
    composed: Composed | None = None
    with suppress(OSError, HarnessError):
        composed = compose(path, record.overrides, faults)
    if composed is None or "".join(composed.texts) != record.suite_text:
        return None
    claims = read_claims(composed.items("claims"), Planned(), _plugin_claim, faults)
    published = read_published(composed.items("published"), None, faults)
    published += [Published(**row) for row in record.published]
    return None if len(faults) else Asked(tuple(claims), tuple(published))


def _plugin_claim(
    node: Node, params: MapNode | None, _: Faults
) -> tuple[str, Mapping[str, Any]] | None:
    """A plugin's claim as it is written: its class judges its parameters when it is made."""
    if not isinstance(node, ScalarNode):
        return None
    return node.raw.strip(), plain(params) if params is not None else {}
