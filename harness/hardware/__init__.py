"""Declared classes of hardware, the machine observed, and whether the one fits the other."""

from harness.hardware.fit import unmet
from harness.hardware.observe import Machine, observe, visible_gpus

__all__ = ["Machine", "observe", "unmet", "visible_gpus"]
