"""What a loop goes round for, and what in it runs again for each item."""
