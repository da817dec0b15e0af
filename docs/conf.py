"""Settings of the documentation site, which ``nox -s docs`` builds."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

project = "altcraft-async"
author = "The altcraft-async authors"
project_copyright = author
version = release = metadata.version(project)

extensions = [
    "docstrings",
    "outside_pages",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3

# Examples of JSON leave parts out with an ellipsis, which is no JSON.
# Docstrings have arguments in backticks, some of which are also names of fields elsewhere.
suppress_warnings = ["misc.highlighting_failure", "ref.python"]

default_role = "py:obj"
add_module_names = False
python_use_unqualified_type_names = True
autodoc_default_options = {"members": True, "member-order": "bysource"}
autoclass_content = "both"
autodoc_typehints_format = "short"
autodoc_mock_imports = ["airflow"]  # pins much that nothing else here wants
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 80

# Of ``console`` blocks, the commands without their output and without ``$``.
copybutton_prompt_text = "$ "


def setup(app: Sphinx) -> None:
    """Show diagrams as text: drawing them would load a script from another site."""
    for language in ("mermaid", "cron"):
        app.add_lexer(language, TextLexer)
