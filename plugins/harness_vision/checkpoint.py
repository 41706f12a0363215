"""A training's state between epochs: weights, momentum and what it has counted so far."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from harness_vision.descent import Descent

__all__ = ["Checkpoint", "Progress"]

# To save a small network takes as long as some steps of it; the state is the same bits whenever
# it is saved, so the clock may decide.
EVERY_S = 5.0

_FILE = "training.safetensors"


@dataclass(kw_only=True)
class Progress:
    """How far a training is."""

    epochs: int = 0  # done
    loss: float = 0.0  # mean of the last epoch
    wall_s: float = 0.0
    cpu_s: float = 0.0


class Checkpoint:
    """One file in a folder, written under another name and renamed.

    Parameters
    ----------
    folder
        Where it lies; kept by the harness until the artifact is built.
    net, descent
        What is saved and restored, in place.
    """

    def __init__(self, folder: Path, net: nn.Module, descent: Descent) -> None:
        self._file = folder / _FILE
        self._net = net
        self._descent = descent
        self._saved_at = time.monotonic()

    def restore(self) -> Progress:
        """Bring network and velocities to the state saved; how far they are then.

        A file that cannot be read (a machine that lost its power) is as none.
        """
        try:
            with safe_open(self._file, "pt") as opened:
                progress = Progress(**json.loads(opened.metadata()["progress"]))
                tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (FileNotFoundError, SafetensorError):
            return Progress()
        self._net.load_state_dict(_below("net.", tensors))
        for place, velocity in enumerate(self._descent.velocities):
            velocity.copy_(tensors[f"velocity.{place}"])
        return progress

    def save_if_due(self, progress: Progress) -> None:
        """Save unless the last save was a moment ago."""
        if time.monotonic() - self._saved_at >= EVERY_S:
            self.save(progress)

    def save(self, progress: Progress) -> None:
        """Save the state after a whole epoch."""
        tensors = {f"net.{name}": value for name, value in self._net.state_dict().items()}
        for place, velocity in enumerate(self._descent.velocities):
            tensors[f"velocity.{place}"] = velocity
        whole = {name: value.cpu().contiguous() for name, value in tensors.items()}
        new = self._file.with_suffix(".new")
        save_file(whole, new, metadata={"progress": json.dumps(asdict(progress))})
        new.rename(self._file)
        self._saved_at = time.monotonic()


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
