"""Ways to sign in: passwords, sessions, API keys, OpenStreetMap."""
