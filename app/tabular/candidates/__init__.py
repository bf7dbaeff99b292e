"""Candidates: networks, trees and forests as arrays, and the heads that join them."""
