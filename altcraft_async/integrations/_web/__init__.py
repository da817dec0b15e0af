"""What the Starlette and aiohttp integrations share."""
