"""One function at a time: its control-flow graph, the states that reach each point,
and what the function does to its caller.
"""
