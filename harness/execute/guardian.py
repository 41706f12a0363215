"""The guardian: fork server, waiter and killer of workers. One thread, and it never computes.

The main process has threads, so it never forks; it execs this (``python -m``), which preloads
numpy and forks workers in a millisecond. Only the parent of a process can be sure that a
number still is that process, so all signals go through here.

A dead worker's *group* is killed while its zombie still pins the number. What had left the
group (a daemon, ``Popen(start_new_session=True)``) climbs to the nearest sub-reaper when its
parent dies: first to its worker, then here, and is killed as a child that is no worker. When
the control socket ends, whatever way main went, everything is killed and this process exits.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import NoReturn

from harness.execute.slot import Slots
from harness.execute.system import become_subreaper, children

__all__ = ["BORN", "DIED", "FORK", "KILL", "MESSAGE", "main"]

# One message a packet: what, which worker, a number (signal, process or wait status).
MESSAGE = struct.Struct("<ciq")
FORK, KILL = b"F", b"K"  # from main; a fork comes with three descriptors
BORN, DIED = b"B", b"D"  # to main
_HELLO_BYTES = 1 << 18


class Guardian:
    """The loop over the control socket and the deaths of children."""

    def __init__(self, control: socket.socket, slots: Slots) -> None:
        self._control = control
        self._slots = slots
        self._workers: dict[int, int] = {}  # pid → index
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, _ignore)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the control socket ends."""
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            try:
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                    self._reap()
                if self._control.fileno() in ready and not self._obey():
                    return
            except OSError:
                # A killed main leaves unread messages: the socket then resets instead of
                # ending. Whatever goes wrong with it, main is gone.
                return

    def kill_everything(self) -> None:
        """Leave no process behind that came from here."""
        for pid in self._workers:
            _kill_group(pid, signal.SIGKILL)
        while True:
            for pid in children(os.getpid()):
                _kill(pid)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _obey(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._control, MESSAGE.size, 3)
        if not data:
            return False
        what, index, number = MESSAGE.unpack(data)
        if what == FORK:
            self._fork(index, fds)
        elif what == KILL:
            for pid in [pid for pid, each in self._workers.items() if each == index]:
                _kill_group(pid, number)
        return True

    def _fork(self, index: int, fds: list[int]) -> None:
        guardian = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(index, fds, guardian)
        for fd in fds:
            os.close(fd)
        self._workers[pid] = index
        self._control.send(MESSAGE.pack(BORN, index, pid))

    def _become_worker(self, index: int, fds: list[int], guardian: int) -> NoReturn:
        status = 1
        try:
            from harness.execute import worker

            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
            worker.detach(guardian, log=fds[2])
            worker.serve(fds[0], fds[1], self._slots.marks(index))
            status = 0
        except SystemExit:
            pass
        finally:
            # Not the guardian's way out: no handlers, no buffers of the parent's.
            _report_and_leave(status)

    def _reap(self) -> None:
        while True:
            dead = _dead_child()
            if dead is None:
                return
            index = self._workers.pop(dead, None)
            if index is not None:
                _kill_group(dead, signal.SIGKILL)
            _, status = os.waitpid(dead, 0)
            if index is not None:
                self._control.send(MESSAGE.pack(DIED, index, status))
            for pid in children(os.getpid()):
                if pid not in self._workers:
                    _kill(pid)


def _ignore(number: int, frame: object) -> None:
    """A handler, so that the wake-up descriptor is written."""


def _report_and_leave(status: int) -> NoReturn:
    import traceback

    error = sys.exc_info()[1]
    if error is not None:
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _dead_child() -> int | None:
    """A child that has died, left as a zombie."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        _kill(pid, number)  # forked a moment ago, and not yet in a group of its own


def _kill(pid: int, number: int = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):  # it went by itself
        os.kill(pid, number)


def main(arguments: list[str]) -> None:
    """Entry of the process: descriptors of the control socket and of the slots, their count.

    What follows names modules to preload, for workers to find them loaded.
    """
    control_fd, slots_fd, count = map(int, arguments[:3])
    become_subreaper()
    control = socket.socket(fileno=control_fd)
    hello = json.loads(control.recv(_HELLO_BYTES) or b"{}")
    if not hello:
        return
    sys.path[:] = hello["path"]
    os.environ.pop("PYTHONPATH", None)
    os.environ.update(hello["environ"])
    import numpy  # noqa: F401  # preloaded: a worker then starts in a millisecond, not in 100

    from harness.execute import worker  # noqa: F401

    for name in arguments[3:]:
        if find_spec(name) is not None:
            import_module(name)
    gc.freeze()  # what is here is shared by every fork, and stays so
    guardian = Guardian(control, Slots(count, slots_fd))
    try:
        guardian.run()
    finally:
        guardian.kill_everything()


if __name__ == "__main__":
    main(sys.argv[1:])
