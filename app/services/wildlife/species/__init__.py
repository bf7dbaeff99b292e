"""Species: the list that comes along, looking them up, and importing more."""
