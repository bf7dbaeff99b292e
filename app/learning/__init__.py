"""Networks and what they need: pure functions over arrays and files in a folder."""
