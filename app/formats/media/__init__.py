"""Pictures, videos and sounds: what they are, what is written in them, and results of AI on them."""
