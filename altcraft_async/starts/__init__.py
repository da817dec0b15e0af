"""Starts each task at most once, with or without a ledger."""
