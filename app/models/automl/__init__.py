"""Tables of machines, their columns and their lines."""
