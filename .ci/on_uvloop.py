"""Run pytest with uvloop's event loops in place of asyncio's."""

import asyncio
import sys

import pytest
import uvloop

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
sys.exit(pytest.main(sys.argv[1:]))
