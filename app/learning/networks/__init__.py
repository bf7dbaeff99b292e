"""Networks of JAX, and the pretrained weights that they begin with."""
