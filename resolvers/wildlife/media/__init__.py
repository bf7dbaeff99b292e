"""Media: lists, changes, links to files, and pictures."""
