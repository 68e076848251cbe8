"""What is loaded, and when: queries and their options, rows, and what reading an attribute of one costs."""
