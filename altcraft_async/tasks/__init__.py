"""Handles of running tasks, and the scheduler that polls them."""
