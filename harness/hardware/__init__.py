"""Declared classes of hardware, the machine observed, and whether the one fits the other."""

from harness.hardware.fit import told_gpus, unmet
from harness.hardware.observe import Machine, observe, visible_gpus

__all__ = ["Machine", "observe", "told_gpus", "unmet", "visible_gpus"]
