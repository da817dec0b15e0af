"""Altcraft tasks in other people's programs; each module is imported by its own name."""
