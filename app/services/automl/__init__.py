"""Tables, the machines that learn from them, and their lines."""
