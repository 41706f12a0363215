"""Runs as a static page that asks nothing of any network, and as figures for papers.

Nothing is imported here: processes that draw figures start with ``render`` alone.

==================================  ==================================================
module                              what
==================================  ==================================================
``build``                           runs to files: the way in
``gather``, ``curves``              a run's tables as the ``records`` of a page
``page``                            what leads, what follows, what is folded
``claims``, ``standing``            verdicts
``claim_plot``, ``claim_groups``,   what a claim opens to: plots, groups, judged again
``evidence``
``across``, ``changes``             several runs: their order, what changed
``boards``, ``cells``, ``history``  a task's tables
``failures``, ``provenance``        what went wrong; what ran where
``commands``                        the command that makes a number again
``rowplot``                         dots and whiskers in table rows, inline SVG
``figure``, ``curve_figure``,       Vega-Lite specifications
``curve_spec``, ``pareto``
``axes``, ``theory``                where values fall, and the lines of theory
``drawn``, ``render``, ``drawers``  specifications to SVG, PNG, PDF (extra ``report``)
``markup``, ``stacked``             HTML that is safe by construction; cards on a phone
``digits``                          values and names without digits that say nothing
``assets/``                         the page's style and script
==================================  ==================================================
"""
