"""Print the lowest versions that `pyproject.toml` allows of what runs, as constraints."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
for requirement in project["dependencies"] + project["optional-dependencies"]["cli"]:
    name, floor = re.match(r"([\w-]+)>=([\d.]+)", requirement).groups()
    print(f"{name}=={floor}")
