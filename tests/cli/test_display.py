"""The live display, in a terminal of our own: what it shows, and what it leaves behind."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from commands import COMMAND, HEAD, Folder, alive, descendants

SUITE = f"""{HEAD}defaults: {{{{seeds: {{seeds}}}}}}
entries:
  - task: trouble/slow
    params: {{{{cell_s: 0.02}}}}
    methods: [trouble/plain]
"""
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command on a terminal: what it wrote, and keys for it."""

    def __init__(self, folder: Folder, columns: int, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        options = folder._options
        known = {"TERM": "xterm-256color", **options["env"], **env}
        del known["COLUMNS"]

        def lead():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [*COMMAND, "run", "toy.yaml"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=options["cwd"],
            env=known,
            preexec_fn=lead,
        )
        os.close(slave)
        self.text = ""

    def read_until(self, pattern: str, *, within: float = 20.0) -> None:
        """Read until what was written has the pattern, or the command ends."""
        until = time.monotonic() + within
        while not re.search(pattern, self.text):
            assert time.monotonic() < until, self.text
            if not self._read():
                break

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 0.2)[0]:
            return self.process.poll() is None
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:  # the terminal's other end is closed
            return False
        self.text += data.decode()
        return bool(data)

    def press(self, key: bytes) -> None:
        os.write(self.master, key)

    def end(self) -> int:
        """The exit status, after everything was read."""
        self.read_until(r"\Z.\A")
        os.close(self.master)
        return self.process.wait(timeout=20)


def test_the_display_shows_progress_and_leaves_the_result(folder):
    folder.write("toy.yaml", SUITE.format(seeds=60))
    terminal = Terminal(folder, 120)
    code = terminal.end()
    assert code == 3
    drawn, _, left = terminal.text.rpartition(SHOW)
    assert drawn.startswith(HIDE) or HIDE in drawn
    plain = ESCAPE.sub("", drawn)
    assert "toy · 1 task · 1 method · 60 cells · default, 2 workers" in plain
    assert re.search(r"\d+ of 60 cells", plain)
    assert "no verdict before the last cell" in plain
    assert "trouble/slow cell_s=0.02 · trouble/plain" in plain
    assert re.search(r"✗ failed +1 cell  trouble/plain on trouble/slow", plain)
    assert "Ctrl-C once" in plain
    assert "trouble/plain" in left  # the board
    assert "Ctrl-C" not in left
    assert plain.count("toy · 1 task") < 60  # never a drawing a cell


@pytest.mark.parametrize("columns", [80, 120])
def test_without_colour_nothing_is_coloured_and_no_line_is_too_long(folder, columns):
    folder.write("toy.yaml", SUITE.format(seeds=10))
    terminal = Terminal(folder, columns, NO_COLOR="1")
    assert terminal.end() == 0
    codes = set(re.findall(r"\x1b\[([0-9;]*)m", terminal.text))
    assert not [code for code in codes if re.search(r"(^|;)(3[0-8]|4[0-8]|9[0-7])(;|$)", code)]
    left = ESCAPE.sub("", terminal.text.rpartition(SHOW)[2])
    table = [line for line in left.splitlines() if line.startswith("  ")]
    assert max(map(len, table)) <= columns


def test_an_interrupt_on_the_keyboard_stops_and_a_second_one_at_once(folder):
    folder.write("toy.yaml", SUITE.format(seeds=400))
    terminal = Terminal(folder, 100)
    terminal.read_until(r"[1-9]\d* measured")
    terminal.press(b"\x03")
    assert terminal.end() == 130
    plain = ESCAPE.sub("", terminal.text)
    assert "the same command goes on from there" in plain
    assert terminal.text.rindex(SHOW) > terminal.text.rindex(HIDE)

    slow = SUITE.format(seeds=400).replace("0.02", "20.0")
    folder.write("toy.yaml", slow)
    terminal = Terminal(folder, 100)
    terminal.read_until(r"of 400 cells")
    below = descendants(terminal.process.pid)
    terminal.press(b"\x03")
    time.sleep(0.02)
    os.kill(terminal.process.pid, signal.SIGINT)
    before = time.monotonic()
    # Where the first was enough, the second may meet a process that is on its way out.
    assert terminal.end() in (130, -signal.SIGINT)
    assert time.monotonic() - before < 8
    assert terminal.text.rindex(SHOW) > terminal.text.rindex(HIDE)
    until = time.monotonic() + 5
    while alive(below) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(below)
