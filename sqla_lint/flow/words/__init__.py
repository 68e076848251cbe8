"""What the words of a function say before anything is solved: which functions matter at all."""
