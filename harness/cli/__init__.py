"""The command line: one thin module a command, and what it prints.

``main`` finds the command; ``text`` and ``numbers`` say how things are written, ``board``,
``verdicts``, ``faults`` what is written, ``live`` and ``plain`` show a run while it goes on.
"""
