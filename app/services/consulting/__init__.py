"""Use cases of consulting: requests, proposals, contracts with their escrow, and what belongs to them."""
