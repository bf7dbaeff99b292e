"""Resolvers of consulting."""
