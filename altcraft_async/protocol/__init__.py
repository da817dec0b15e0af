"""Requests and answers of the platform as pure functions, without I/O, clock or event loop."""
