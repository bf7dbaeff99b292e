"""A wood that does not exist, with camera traps in it: drawn pictures of animals, and the truth about each.

Everything follows from one seed: the same camera sees the same animal in every process and year.
"""
