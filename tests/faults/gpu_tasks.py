"""A task whose cells tell which GPUs their process sees, and when they were at work."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.api.cell import Cell
from harness.api.contracts import Method, Task
from harness.api.metric import Metric
from harness.api.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class Seeing(Task):
    """Writes a file a cell into ``folder``; the cell with seed ``crash`` kills its worker."""

    accepts = Method
    metrics = (Metric(name="gpus"),)

    folder: str = ""
    seconds: float = 0.0
    crash: int = -1

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            start = time.monotonic()
            if cell.seed == self.crash:
                os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(self.seconds)
            visible = [each for each in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if each]
            told = {"gpus": visible, "pid": os.getpid(), "start": start, "end": time.monotonic()}
            Path(self.folder, f"{cell.seed}.json").write_text(json.dumps(told))
            yield Outcome(cell=cell, final={"gpus": float(len(visible))})
