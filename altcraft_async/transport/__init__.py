"""Sending one request: connection, time limits, rate limit, retries."""
