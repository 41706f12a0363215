"""What measurements say: boards and verdicts, from tables to tables, without reading files.

=================  ==========================================================================
``results``        a run's measurements in memory: a value a seed, curves, bounds, items
``leaderboard``    one row a task × metric × label, with intervals, ranks and bounds
``claims``         the suite's claims, each with a verdict and the group nearest to failing
=================  ==========================================================================
"""
