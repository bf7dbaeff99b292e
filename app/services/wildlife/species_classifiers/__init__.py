"""Classifiers of species that a project trains on its own approved crops."""
