"""AI providers, the connections to AI Managers, and how labels map to attributes."""
