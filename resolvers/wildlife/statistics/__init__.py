"""Figures of classification projects."""
