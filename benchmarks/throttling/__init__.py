"""How senders behave against servers that refuse requests, in simulated time."""
