"""The entry point of the `altcraft` command."""

from __future__ import annotations

import sys

import pytest

from altcraft_async.__main__ import main


def test_missing_extra_prints_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("altcraft_async.cli")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert main() == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "pip install 'altcraft-async[cli]'" in err


def test_another_missing_module_is_not_blamed_on_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "altcraft_async.cli.app", None)
    with pytest.raises(ModuleNotFoundError, match=r"altcraft_async\.cli\.app"):
        main()


def test_entry_point_returns_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["altcraft", "--version"])
    assert main() == 0
