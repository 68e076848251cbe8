"""From source text to the neutral representation, by two thin front ends (``ast`` and libcst)."""
