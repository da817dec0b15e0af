"""Unusual answers that count as valid, for tests and for `docs/faults.md`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.faults.table import SAID
from tests.support.scripted_server import Step, answer


class Quirk(NamedTuple):
    """An unusual but valid answer to a start and to a poll.

    Attributes:
        row: Number in the list of faults.
        step: What the server does.
    """

    row: int
    step: Step


def _in_xml(text: str, encoding: str) -> Step:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    return answer((head + text).encode(encoding), content_type="application/xml")


_XML = (
    "<xml><error>0</error><data>"
    "<task_id>t1</task_id><status>running</status><progress>40</progress>%s"
    "</data></xml>"
)

_MANY_ATTRIBUTES = " ".join(f"a{n}='1'" for n in range(100_000))

QUIRKS: Mapping[str, Quirk] = {
    "100 and 103 before the answer": Quirk(
        29,
        Step(
            b"HTTP/1.1 100 Continue\r\n\r\n" * 3
            + b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            + answer(SAID % "").sends
        ),
    ),
    "undocumented fields": Quirk(56, answer(SAID % ', "mood": {"good": [true]}')),
    "JSON with a byte order mark": Quirk(58, answer(b"\xef\xbb\xbf" + (SAID % "").encode())),
    "JSON with a duplicate key": Quirk(58, answer(SAID % ', "progress": 40, "task_id": "t1"')),
    "XML in answer to a JSON request": Quirk(60, _in_xml(_XML % "", "utf-8")),
    "JSON with the content type of XML": Quirk(
        60, answer(SAID % "", content_type="application/xml")
    ),
    "XML element with 100,000 attributes": Quirk(
        62, _in_xml(_XML % f"<x {_MANY_ATTRIBUTES}/>", "utf-8")
    ),
    "XML in UTF-16": Quirk(63, _in_xml(_XML % "", "utf-16")),
    "XML in cp1251": Quirk(63, _in_xml(_XML % "<note>готово</note>", "cp1251")),
}
