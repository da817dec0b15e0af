"""Draws `altcraft demo` as it ends in a terminal: ``python docs/demo_picture.py``.

Writes `docs/_static/demo-light.svg` and `demo-dark.svg`.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).with_name("_static")
COLUMNS = 80
ROWS = 40

_COLOURS = [
    (207, 34, 46),
    (26, 127, 55),
    (154, 103, 0),
    (9, 105, 218),
    (130, 80, 223),
    (27, 124, 131),
]
_LIGHT_COLOURS = [
    (255, 123, 114),
    (63, 185, 80),
    (210, 153, 34),
    (88, 166, 255),
    (188, 140, 255),
    (57, 197, 207),
]
THEMES = {
    "light": TerminalTheme(
        (255, 255, 255), (31, 35, 40), [(36, 41, 47), *_COLOURS, (110, 119, 129)]
    ),
    "dark": TerminalTheme(
        (13, 17, 23), (230, 237, 243), [(72, 79, 88), *_LIGHT_COLOURS, (177, 186, 196)]
    ),
}

# An image in a README may not load fonts, and other sites need not know who reads it.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code,", "ui-monospace, SFMono-Regular, Menlo, Consolas,"
)


def printed() -> str:
    """Run the demo in a terminal, and return what it prints, with colours."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": ""}
        os.environ.pop("NO_COLOR", None)
        os.execv(sys.executable, [sys.executable, "-m", "altcraft_async", "demo"])  # noqa: S606 -- replaces the child
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    chunks: list[bytes] = []
    try:
        while chunk := os.read(terminal, 65536):
            chunks.append(chunk)
    except OSError:  # how Linux tells that the child has ended
        pass
    os.waitpid(child, 0)
    return b"".join(chunks).decode()


def last_screen(output: str) -> str:
    """Return what is left of the output once the live display has ended."""
    last_frame = output.rpartition("\x1b[2K")[2]
    return re.sub(r"\x1b\[\?25[hl]", "", last_frame).replace("\r", "")


def picture(screen: str, theme: TerminalTheme) -> str:
    """Return the screen as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ altcraft demo\n{screen}"))
    return console.export_svg(
        title="altcraft demo", theme=theme, code_format=_FORMAT, unique_id="demo"
    )


def main() -> None:
    """Draw both pictures of one run."""
    screen = last_screen(printed())
    FOLDER.mkdir(exist_ok=True)
    for name, theme in THEMES.items():
        lines = picture(screen, theme).splitlines()
        text = "\n".join(line.rstrip() for line in lines)
        (FOLDER / f"demo-{name}.svg").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
