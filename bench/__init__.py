"""One file per claim about speed; ``python -m bench.run`` measures, ``python -m bench.report`` writes the tables."""
