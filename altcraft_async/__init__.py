"""Asyncio client for the statistics API of the Altcraft marketing platform.

```python
async with AltcraftClient.from_env() as client:
    report = await client.resources.refresh(24, database_id=1)
    print(report["email"].subscribed)
```

`AltcraftClient` starts tasks, `TaskHandle` waits for them, and every error is
an `AltcraftError`.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altcraft_async._exports import *  # noqa: F403 -- all that is exported
    from altcraft_async._exports import __all__ as __all__
else:  # type checkers would take every name for an attribute

    def __getattr__(name: str) -> object:
        """Load all exports when the first is used; ``altcraft --help`` uses none of them."""
        if name == "__all__" or not name.startswith("__"):
            exports = import_module("altcraft_async._exports")
            for one in ("__all__", *exports.__all__):
                globals()[one] = getattr(exports, one)
            if name in globals():  # an export, or a module that was loaded with them
                return globals()[name]
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg, name=name, obj=sys.modules[__name__])

    def __dir__() -> list[str]:
        __getattr__("__all__")
        return sorted(globals())
