"""What measurements say: boards and verdicts, from tables to tables, without reading files.

=================  ==========================================================================
``results``        a run's measurements in memory: a value a seed, curves, bounds, items
``leaderboard``    one row a task × metric × label, with intervals, ranks and bounds
``claims``         the suite's claims, each with a verdict and the group nearest to failing
``compare``        runs against a base; ``sides`` are what is compared, ``pairing`` pairs their
                   values, ``effects`` are the changes, ``deciding`` gives verdicts and
                   ``comparison`` is what comes of it
``history``        a metric over commits, with the steps at which it changed
``aggregate``      methods over many tasks, on common cells only
=================  ==========================================================================
"""
