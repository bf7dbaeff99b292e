"""Camera-trap projects, media, classifications and AI providers."""
