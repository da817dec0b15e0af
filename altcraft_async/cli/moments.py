"""Moments that people name: yesterday, a date, the count before the newest. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

__all__ = ["Moment"]

_DAYS: Mapping[str, int] = {"yesterday": 1, "last-week": 7}
_PREVIOUS = "previous"
_MICROSECOND = timedelta(microseconds=1)


class Moment(NamedTuple):
    """A moment that counters are compared with; a day is meant up to its end.

    Attributes:
        word: As given: ``previous``, ``yesterday``, ``last-week``, a date or a time in ISO 8601.
    """

    word: str

    @property
    def is_previous(self) -> bool:
        """Whether it is the count before the newest, whose time each series has for itself."""
        return self.word == _PREVIOUS

    @classmethod
    def parse(cls, word: str) -> Moment:
        """Read a word.

        Raises:
            ValueError: It is none of these.
        """
        moment = cls(word)
        try:
            moment.before(datetime.now(UTC))
        except OverflowError:  # before or after all years
            msg = f"{word} is too far away"
        else:
            return moment
        raise ValueError(msg)

    def before(self, newest: datetime) -> datetime:
        """Return the moment, in this machine's time zone; the words count from the newest time."""
        if self.is_previous:
            return newest - _MICROSECOND
        if self.word in _DAYS:
            return _end_of(newest.astimezone().date() - timedelta(days=_DAYS[self.word]))
        moment = datetime.fromisoformat(self.word)
        is_day = len(self.word) <= len("2030-01-31")
        return _end_of(moment.date()) if is_day else moment.astimezone()


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min).astimezone() - _MICROSECOND
