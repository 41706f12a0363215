"""The main process's side of the guardian."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.execute.guardian import BORN, DIED, FORK, KILL, MESSAGE
from harness.execute.slot import Slots

__all__ = ["Born", "Died", "Guard", "GuardianLost"]

# A few hundred deaths that wait to be read.
_SOCKET_BYTES = 1 << 18

# How long it may take the guardian to kill everything.
_CLOSE_S = 10.0

# The guardian imports and never computes, so that its forks may: one thread each.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


class GuardianLost(Exception):
    """The guardian died, and all workers with it."""


class Born(NamedTuple):
    """A worker was forked."""

    worker: int
    pid: int


class Died(NamedTuple):
    """A worker died, with its wait status; its group and its strays are dead too."""

    worker: int
    status: int


class Guard:
    """A guardian process, started by the constructor; it answers by :meth:`events`."""

    def __init__(self, slots: Slots, preload: Sequence[str] = ()) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            passed = (theirs.fileno(), slots.fd)
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "harness.execute.guardian"),
                    *map(str, (*passed, slots.count)),
                    *preload,
                ],
                pass_fds=passed,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=_environment(),
            )
        self._socket = ours
        known = os.environ.get("PYTHONPATH")
        hello = {
            "path": [os.path.abspath(each) for each in sys.path],
            "environ": {} if known is None else {"PYTHONPATH": known},
        }
        ours.send(json.dumps(hello).encode())
        ours.setblocking(False)

    def fileno(self) -> int:
        """Readable when there are events."""
        return self._socket.fileno()

    @property
    def pid(self) -> int:
        """The guardian's own process."""
        return self._process.pid

    def fork(self, index: int, commands: int, outcomes: int, log: int) -> None:
        """Ask for a worker that has these descriptors."""
        message = MESSAGE.pack(FORK, index, 0)
        try:
            socket.send_fds(self._socket, [message], [commands, outcomes, log])
        except OSError as error:
            raise GuardianLost from error

    def kill(self, index: int, signal_number: int) -> None:
        """Send a signal to a worker's group, if the worker is still there."""
        try:
            self._socket.send(MESSAGE.pack(KILL, index, signal_number))
        except OSError as error:
            raise GuardianLost from error

    def events(self) -> Iterator[Born | Died]:
        """What has happened since the last call.

        Raises
        ------
        GuardianLost
            When its end of the socket is gone.
        """
        while True:
            try:
                data = self._socket.recv(MESSAGE.size)
            except BlockingIOError:
                return
            except OSError as error:
                raise GuardianLost from error
            if not data:
                raise GuardianLost
            what, index, number = MESSAGE.unpack(data)
            assert what in (BORN, DIED), what
            yield Born(index, number) if what == BORN else Died(index, number)

    def close(self) -> None:
        """Kill every worker and all that they started, and wait until it is done."""
        self._socket.close()
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # stopped from outside; its workers die with it
            self._process.wait()


def _environment() -> dict[str, str]:
    """The guardian's: one thread, and a path on which it finds this package."""
    own = str(Path(__file__).parents[2])
    known = os.environ.get("PYTHONPATH")
    path = own if known is None else os.pathsep.join((own, known))
    return {**os.environ, **_ONE_THREAD, "PYTHONPATH": path}
