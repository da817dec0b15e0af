"""Handles on running tasks, and the scheduler that polls them."""
