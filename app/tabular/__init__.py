"""Answers from tables with NumPy alone: encoders, networks, trees, metrics, and the machine that joins them.

Nothing here imports JAX or scikit-learn: the API answers with it, and `app/learning/tables` learns what it holds.
"""
