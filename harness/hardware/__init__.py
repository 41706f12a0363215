"""Declared classes of hardware, the machine observed, and whether the one fits the other."""

from harness.hardware.fit import unmet
from harness.hardware.observe import Machine, observe

__all__ = ["Machine", "observe", "unmet"]
