"""People and clients that tests of every layer share."""
