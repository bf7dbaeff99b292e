"""Resolvers of money."""
