"""Print the lowest versions that `pyproject.toml` allows of what runs, as constraints."""

import re
import tomllib
from pathlib import Path

EXTRAS = ("cli", "keyring", "opentelemetry", "parquet", "plot", "redis", "starlette", "taskiq")

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *(one for name in EXTRAS for one in extras[name])]:
    if floor := re.match(r"([\w-]+)>=([\d.]+)", requirement):  # else it is another extra
        print(f"{floor[1]}=={floor[2]}")
