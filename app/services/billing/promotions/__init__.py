"""Promotions: grants and coupons."""
