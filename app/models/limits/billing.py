"""Limits of money."""

# NUMERIC(20,8), as the ledger keeps every amount.
AMOUNT_DIGITS = 20
AMOUNT_DECIMALS = 8
REASON_LENGTH_MAX = 500
SUBJECT_TYPE_LENGTH_MAX = 40
