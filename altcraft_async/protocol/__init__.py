"""The platform's wire protocol as pure functions: no I/O, no clock, no event loop."""
