"""From a graph to a function's facts and summary: tests, handlers, steps, the worklist, the order of functions."""
