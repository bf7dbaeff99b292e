"""Where services outside call back."""
