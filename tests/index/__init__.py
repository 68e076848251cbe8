"""The index and the project's linked view."""
