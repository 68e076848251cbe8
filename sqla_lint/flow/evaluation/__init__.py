"""What an expression is worth in a state: names, members, calls into the project and out of it."""
