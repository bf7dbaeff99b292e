"""Secrets: credentials, signatures, encryption, private files, and what child processes may know."""
