"""A repr at any moment of an object's life."""

from __future__ import annotations

from altcraft_async.models.representation import at_any_moment


class Shelf:
    """An object with one field."""

    def __init__(self, books: int) -> None:
        """Count the books."""
        self.books = books

    @at_any_moment
    def __repr__(self) -> str:
        """Show the number."""
        return f"<Shelf of {self.books}>"


def test_repr_before_and_after_construction() -> None:
    assert repr(Shelf.__new__(Shelf)) == "<Shelf, not constructed>"
    assert repr(Shelf(3)) == "<Shelf of 3>"
