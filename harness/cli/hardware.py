"""``harness hardware``: this machine as runs record it, and which classes it can serve."""

from __future__ import annotations

import json

import click

from harness.cli import numbers
from harness.cli.text import line, say
from harness.hardware import observe

__all__ = ["hardware"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def hardware(as_json: bool) -> None:
    """Show this machine as runs record it.

    Times and memory are compared only between runs of one fingerprint.
    """
    machine = observe()
    if as_json:
        click.echo(json.dumps(machine.as_dict(), indent=2))
        return
    rows = {
        "fingerprint": machine.fingerprint,
        "system": f"{machine.system} {machine.arch}, Python {machine.python}",
        "processor": f"{machine.cpu_model}, {machine.cpus} usable cores",
        "memory": numbers.memory(machine.memory_bytes),
        "gpus": ", ".join(machine.gpus) or "none",
        "limits": f"memory and time held by {machine.limits}",
    }
    say([line((f"{name:<12}", "quiet"), value) for name, value in rows.items()])
