"""A suite file: read with positions, validated, and held against the plugins that it names.

===============  ==============================================================
``document``     YAML as a tree of nodes that know where they stand
``compose``      ``include:`` and ``-o``: several files as one tree
``keys``         every key of a suite, for the loader and the JSON schema
``quantities``   durations, sizes, seeds · ``wording`` types and values in words
``parameters``   values against the dataclass of a method or a task
``settings``     parameters and grids into combinations
``limits``       hardware classes, seeds, time limits
``entries``      tasks × methods with labels · ``repeats`` cells made twice
``published``    figures from elsewhere
``claims``       the forms of a claim, of ``claim_parts``
``cuts``         what the command line leaves
``loader``       all of it, to a :class:`~harness.suite.model.Suite` or to its faults
``select``       which groups a filter means · ``filters`` its values
``schema``       the JSON schema
===============  ==============================================================
"""
