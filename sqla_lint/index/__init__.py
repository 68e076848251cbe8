"""What other files may need to know of a file, and the project's linked view that answers questions about it."""
