"""Figures of classification projects: how long cameras watched, and what they saw.

Tools disagree on definitions, so each one is an argument with a default. All figures rest on `records`: what approved
classifications say of a medium, one record for each taxon.
"""
