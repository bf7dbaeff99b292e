"""Ways into an account: passwords, sessions, API keys, OpenStreetMap."""
