"""The flow engine, by itself and against programs that run."""
