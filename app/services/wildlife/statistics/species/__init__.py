"""Species lists and the richness of species."""
