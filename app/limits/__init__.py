"""Limits that the tables and the published schema fix, a module for each domain.

Columns, checks, descriptions and refusals all take them from here. What an operator may change is in `app/settings`.
A description names one as `{social.POST_LENGTH_MAX}`.
"""
