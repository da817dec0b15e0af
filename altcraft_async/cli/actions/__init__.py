"""What the commands do; loaded when one runs, so that no help waits for the client."""
