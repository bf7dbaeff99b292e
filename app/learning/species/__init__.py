"""A classifier of species that a project trains on its own crops: a head on the features of a pretrained encoder."""
