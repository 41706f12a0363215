"""Suite → plan: what to compute, under which identity; nothing is run here.

``planner`` makes the plan, ``records`` holds it, ``identity`` names cells and code, ``sources``
reads what a piece of code rests on.
"""
