"""Budgets of time: clocks, progress, and steps that are left when time is over."""
