"""What a plugin's author imports; the root ``harness`` re-exports all of it lazily.

``contracts`` (Method, Task), ``metric`` (Metric, Bound), ``outcome`` (Outcome, Skip), ``cell``,
``artifact``, ``claim``, ``hooks`` (every hook specification), ``parameters`` (the plain form).
"""
