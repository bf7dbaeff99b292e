"""Asking machines: for answers, for reasons, and for inputs that lead to wanted outputs."""
