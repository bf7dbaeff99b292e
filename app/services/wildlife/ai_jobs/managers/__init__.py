"""AI Managers: what is asked of them, and what they call back."""
