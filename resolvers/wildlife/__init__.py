"""How fields about camera-trap projects, media, classifications and AI providers are answered."""
