"""Tables of the machines that learn from tables, and of what is read for them."""
