"""The protocol without I/O: values in, bytes out, and back.

No asyncio, no aiohttp, no clock, no randomness and no logging in here, so
that every rule can be tested by calling a function.
"""
