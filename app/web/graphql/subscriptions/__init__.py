"""Subscriptions of all transports: their events, who shares them, and the tokens of their connections."""
