"""How fields about webhooks and bulk queries are answered."""
