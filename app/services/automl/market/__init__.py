"""The market of machines: offers, purchases, paid answers, reviews and income."""
