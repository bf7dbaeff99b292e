"""Machines learn from tables: networks, boosted trees and plain baselines, judged on rows that none of them saw."""
