"""Models and their trainings."""
