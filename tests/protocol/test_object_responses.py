"""Answers of ``…/list``, ``…/get`` and ``fields_get``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import xmltodict
from hypothesis import given, settings
from hypothesis import strategies as st

from altcraft_async.models.catalogue import (
    AccessGroup,
    Database,
    DatabaseDetails,
    Resource,
    ResourceDetails,
    Segment,
    SegmentDetails,
    SubscriptionField,
)
from altcraft_async.protocol import endpoints
from altcraft_async.protocol.codecs import Plain, UnreadableError, read
from altcraft_async.protocol.endpoints import Endpoint
from altcraft_async.protocol.object_responses import (
    database_details,
    database_page,
    resource_details,
    resource_page,
    segment_details,
    segment_page,
    subscription_fields,
)
from altcraft_async.protocol.paging import Page

CORE = settings.get_profile("pure")

Sample = Callable[[str], bytes]

BOTH = pytest.mark.parametrize("suffix", ["json", "xml"])
BRANCH, NORTH = AccessGroup(id=1, name="branch"), AccessGroup(id=2, name="north")
ENDPOINTS: list[Endpoint[object]] = [
    endpoint
    for name in endpoints.__all__
    if isinstance(endpoint := getattr(endpoints, name), Endpoint)
    and endpoint is not endpoints.TASK_STATUS
]


def file_of(endpoint: Endpoint[object]) -> str:
    """Return the beginning of the names of a method's samples."""
    return endpoint.path.replace("/", "_")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_every_answer_reads_equal_in_both_formats(
    endpoint: Endpoint[object], sample: Sample
) -> None:
    as_json, as_xml = (
        endpoint.read(read(sample(f"{file_of(endpoint)}.answer.{suffix}")))
        for suffix in ("json", "xml")
    )
    assert as_json == as_xml


@pytest.mark.parametrize("name", ["one_row", "no_rows"])
def test_short_pages_read_equal_in_both_formats(name: str, sample: Sample) -> None:
    """In XML, one row is no list and an empty list is an empty tag."""
    as_json, as_xml = (
        resource_page(read(sample(f"resources_list.{name}.{suffix}"))) for suffix in ("json", "xml")
    )
    assert as_json == as_xml
    assert len(as_json.rows) == (name == "one_row")


@BOTH
def test_page_of_resources_has_rows_cursor_and_total(suffix: str, sample: Sample) -> None:
    assert resource_page(read(sample(f"resources_list.answer.{suffix}"))) == Page(
        rows=(
            Resource(id=3, name="News site", groups=(BRANCH, NORTH)),
            Resource(id=5, name="Shop", groups=(BRANCH,)),
            Resource(id=8, name="123"),
        ),
        next_from_id=9,
        total=3,
    )


@BOTH
def test_pages_of_databases_and_segments_have_tags(suffix: str, sample: Sample) -> None:
    assert database_page(read(sample(f"databases_list.answer.{suffix}"))) == Page(
        rows=(
            Database(id=1, name="Customers", groups=(BRANCH,)),
            Database(id=2, name="Partners", tags=("own", "test"), groups=(BRANCH, NORTH)),
        ),
        next_from_id=6,
        total=4,
    )
    assert segment_page(read(sample(f"segments_list.answer.{suffix}"))) == Page(
        rows=(
            Segment(id=1, name="Buyers", tags=("own",), groups=(BRANCH,)),
            Segment(id=2, name="Readers", groups=(BRANCH, NORTH)),
        ),
        next_from_id=2,
        total=2,
    )


@BOTH
def test_details_have_the_names_of_this_library(suffix: str, sample: Sample) -> None:
    assert resource_details(read(sample(f"resources_get.answer.{suffix}"))) == ResourceDetails(
        id=24,
        name="News site",
        channels=("email", "push"),
        database_ids=(1,),
        tracking_domain="click.example.com",
        url="https://example.com",
    )
    assert database_details(read(sample(f"databases_get.answer.{suffix}"))) == DatabaseDetails(
        id=1,
        name="Customers",
        suppression_list_id=7,
        description="Everybody who bought something",
    )
    assert segment_details(read(sample(f"segments_get.answer.{suffix}"))) == SegmentDetails(
        id=5,
        name="Buyers",
        count=12,
        rules=(
            {
                "condition": "and",
                "limit": 0,
                "list_id": 1,
                "percent_from": 0,
                "percent_to": 100,
                "queries": [],
            },
        ),
    )


@BOTH
def test_fields_are_read_with_and_without_a_dictionary(suffix: str, sample: Sample) -> None:
    device, version, loyal = subscription_fields(
        read(sample(f"resources_fields_get.answer.{suffix}"))
    )
    assert device == SubscriptionField(
        name="_device_type",
        title="Device type",
        category="system",
        type="int",
        dictionary="devices",
    )
    assert (version.dictionary, loyal.category, loyal.required) == (None, "custom", True)


@pytest.mark.parametrize(
    "body",
    [
        '{"data": [{"name": "a"}]}',
        '{"data": [{"name": "a", "dictionary": "", "required": null}]}',
        '{"data": {"name": "a", "dictionary": null, "title": null}}',
        "<xml><data><name>a</name><dictionary/><required/><title/></data></xml>",
    ],
)
def test_field_needs_only_a_name(body: str) -> None:
    assert subscription_fields(read(body.encode())) == (SubscriptionField(name="a"),)


@pytest.mark.parametrize(
    "body",
    [
        '{"data": {"id": 1}}',
        '{"data": {"Id": 1, "extra": {"a": [1]}}}',
        '{"data": {"id": 1, "name": null, "groups": null, "segment": null, "count": null}}',
        "<xml><data><id>1</id></data></xml>",
        "<xml><data><Id>1</Id><extra/></data></xml>",
        "<xml><data><id>1</id><name/><groups/><segment/><count/></data></xml>",
    ],
)
def test_object_needs_only_an_id(body: str) -> None:
    """Other fields are empty where they are missing or null."""
    document = read(body.encode())
    assert resource_details(document) == ResourceDetails(id=1)
    assert database_details(document) == DatabaseDetails(id=1)
    assert segment_details(document) == SegmentDetails(id=1)
    assert resource_page(document).rows == (Resource(id=1),)
    assert database_page(document).rows == (Database(id=1),)
    assert segment_page(document).rows == (Segment(id=1),)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"data": {"name": "x"}}',
        '{"data": [{"id": null}]}',
        '{"data": [{"id": -1}]}',
        '{"data": ["x"]}',
        '{"data": 5}',
        '{"data": "x"}',
        '{"result": [{"id": 1}]}',
        '{"data": [{"id": 1, "Groups": [{"Name": "x"}]}]}',
        "<xml><other/></xml>",
        "<xml><data><id>x</id></data></xml>",
    ],
)
def test_answer_that_is_no_list_is_unreadable(body: str) -> None:
    with pytest.raises(UnreadableError, match=r"required|Expected"):
        database_page(read(body.encode()))


@pytest.mark.parametrize(
    "body",
    [
        '{"data": null, "next_from_id": 5}',
        '{"data": null}',
        '{"data": []}',
        '{"total_count": 0}',
        '{"next_from_id": 7}',
        "<xml><data/></xml>",
        "<xml><total_count>0</total_count></xml>",
    ],
)
def test_rows_of_an_empty_page_may_be_null_empty_or_missing(body: str) -> None:
    assert segment_page(read(body.encode())).rows == ()


@pytest.mark.parametrize(
    "body", ["{}", '{"data": null}', '{"data": []}', '{"data": {}}', "<xml><data/></xml>"]
)
@pytest.mark.parametrize("reader", [resource_details, database_details, segment_details])
def test_object_without_an_id_is_unreadable(body: str, reader: Callable[[object], object]) -> None:
    with pytest.raises(UnreadableError):
        reader(read(body.encode()))


def test_field_in_lower_case_wins_over_one_in_capitals() -> None:
    body = b'{"data": [{"id": 1, "Id": 2, "Name": "a", "NAME": "b", "name": "c"}]}'
    assert resource_page(read(body)).rows == (Resource(id=1, name="c"),)


def test_rules_keep_undocumented_fields() -> None:
    queries: list[Plain] = [{"Field": "_city", "value": ["5", None]}]
    body = {"id": 1, "segment": [{"limit": 5, "queries": queries, "Extra": {"A": 1}}]}
    details = segment_details(read(json.dumps({"data": body}).encode()))
    assert details.rules == ({"limit": 5, "queries": queries, "Extra": {"A": 1}},)


def test_rules_in_xml_have_numbers_and_a_list_of_queries() -> None:
    body = (
        b"<xml><data><id>1</id><segment><limit>many</limit><percent_to>100</percent_to>"
        b"<queries><field>5</field></queries></segment></data></xml>"
    )
    assert segment_details(read(body)).rules == (
        {"limit": "many", "percent_to": 100, "queries": [{"field": "5"}]},
    )


ID = st.integers(0, 2**63 - 1)
# What XML can say: no control characters, and no white space around it.
TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8
).map(str.strip)
GROUP = st.fixed_dictionaries({"id": ID}, optional={"name": TEXT})
ROW = st.fixed_dictionaries(
    {"id": ID},
    optional={
        "name": TEXT,
        "ui_tags": st.lists(TEXT.filter(bool), max_size=3),
        "groups": st.lists(GROUP, max_size=3),
        "unknown": TEXT,
    },
)


def written(value: Plain, write: Callable[[str], str]) -> Plain:
    """Rewrite the names of fields."""
    match value:
        case dict():
            return {write(name): written(one, write) for name, one in value.items()}
        case list():
            return [written(one, write) for one in value]
        case _:
            return value


def in_xml(value: Plain) -> Plain:
    """Make an empty list an empty element, as on the vendor's pages."""
    match value:
        case dict():
            return {name: in_xml(one) for name, one in value.items()}
        case list():
            return [in_xml(one) for one in value] or None
        case _:
            return value


@CORE
@given(
    st.lists(ROW, max_size=3),
    st.none() | ID,
    st.none() | ID,
    st.sampled_from([str.lower, str.upper, str.title, str]),
)
def test_any_page_reads_equal_in_both_formats_and_cases(
    rows: list[dict[str, Plain]],
    cursor: int | None,
    total: int | None,
    write: Callable[[str], str],
) -> None:
    answer: dict[str, Plain] = {"data": [*rows], "next_from_id": cursor, "total_count": total}
    page = database_page(read(json.dumps(answer).encode()))
    assert [row.id for row in page.rows] == [row["id"] for row in rows]
    answer["data"] = written([*rows], write)
    assert database_page(read(json.dumps(answer).encode())) == page
    assert database_page(read(xmltodict.unparse({"xml": in_xml(answer)}).encode())) == page


def test_number_of_thousands_of_digits_in_a_rule_stays_text() -> None:
    digits = "9" * 5_000
    body = f"<xml><data><id>1</id><segment><limit>{digits}</limit></segment></data></xml>"
    (rule,) = segment_details(read(body.encode())).rules
    assert rule["limit"] == digits
