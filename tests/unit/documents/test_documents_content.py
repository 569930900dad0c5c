import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.documents.content import Document
from orchestration.errors import DocumentError
from orchestration.sample.documents import example_content, example_line

CREDIT_NOTE = {"kind": "credit_note", "reference": {"number": "BWEU-2026-000042", "issue_date": "2026-10-05"}}


def _content(**other: Any) -> bytes:
    lines = [
        example_line(
            "Amazon EC2, usage", "100.00", credit="-20.00", accounts=[("111", "60.00", "-20.00"), ("222", "40.00", "0")]
        ),
        example_line("Amazon S3, usage", "33.34", rate="7"),
    ]
    return example_content(lines, **other)


def _changed(change: Callable[[dict[str, Any]], object], content: bytes | None = None) -> bytes:
    raw = json.loads(content or _content())
    change(raw)
    return _canonical(raw)


def _canonical(raw: object) -> bytes:
    return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_content_is_written_back_byte_identically() -> None:
    customer = {"customer_id": "łódź", "legal_name": "青空 \u2028 <&>", "country_code": "PL", "note": "not ours"}
    content = _content(customer=customer, minor_units=2, **CREDIT_NOTE)
    assert Document.parse(content).to_bytes() == content


_GONE = object()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("lines.0.net_amount", "100.01", "(2026-09/1): net_amount 100.01 is not the sum of its parts, 100.00"),
        ("lines.0.parts.0.credit_amount", "-19", "credit_amount -20.00 is not the sum of its parts, -19"),
        ("lines.0.accounts.0.net_amount", "60.01", "net_amount 100.00 is not the sum of its accounts, 100.01"),
        ("taxes.0.taxable_amount", "80.01", "taxable_amount 80.01 is not the sum of the lines, 80.00"),
        ("taxes.0.tax_amount", "15.21", "tax_amount 15.21 is not 15.20, 80.00 at that rate (T3)"),
        ("taxes.0.tax_rate", "0", "category S has a rate above 0"),
        ("taxes.1", _GONE, "tax S 7: taxable_amount 0 is not the sum of the lines, 33.34"),
        ("totals.net_amount", "133.35", "totals: net_amount 133.35 is not the sum of the lines, 133.34"),
        ("totals.credit_amount", "0", "totals: credit_amount 0 is not the sum of the lines, -20.00"),
        ("credits.0.amount", "-19.99", "credit_amount -20.00 is not the sum of the credits, -19.99"),
        ("totals.taxable_amount", "1", "taxable_amount 1 is not the sum of the taxes, 113.34"),
        ("totals.tax_amount", "1", "tax_amount 1 is not the sum of the taxes and AWS tax"),
        ("totals.total_amount", "130.88", "total_amount 130.88 is not the sum of net, credit and tax"),
        ("lines.1.line_number", 1, "line_number 1 stands on two lines"),
        ("minor_units", 1, "net_amount: 33.34 has more than the 1 decimals of EUR (M4)"),
        ("fx.to_currency", "CHF", "fx: converts to CHF, but the document is in EUR"),
        ("due_date", None, "due_date is missing, and there is something to pay (I3)"),
        ("number", None, "number and issue_date are given together"),
        ("service_period_start", "2026-10-01", "is after its end"),
        ("surprise", "x", "surprise: is no key of a document"),
        ("lines.0.cause", _GONE, "lines.0.cause: is missing"),
        ("lines.0.net_amount", "1e2", "is not a plain decimal written as text"),
        ("lines.0.net_amount", 100, "is not a plain decimal written as text"),
        ("issue_date", "2026-02-30", "is not a day of the calendar"),
        ("lines.0.parts.0.tax_category", "X", "lines.0.parts.0.tax_category: 'X'"),
    ],
)
def test_damage_is_named(place: str, value: object, message: str) -> None:
    def damage(raw: Any) -> None:
        *path, key = (int(step) if step.isdecimal() else step for step in place.split("."))
        for step in path:
            raw = raw[step]
        if value is _GONE:
            del raw[key]
        else:
            raw[key] = value

    with pytest.raises(DocumentError) as caught:
        Document.parse(_changed(damage))
    assert message in str(caught.value)


def test_every_problem_is_named_at_once() -> None:
    def damage(raw: dict[str, Any]) -> None:
        raw["totals"]["net_amount"] = "1.00"
        raw["taxes"][0]["tax_amount"] = "1.00"

    with pytest.raises(DocumentError, match=r"BWEU-2026-000042 has 4 problems; nothing was rendered\."):
        Document.parse(_changed(damage))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_content().replace(b'"100.00"', b"100.00", 1), "it holds the number 100.00, and amounts are text"),
        (_content().replace(b'"100.00"', b"NaN", 1), "it holds the number NaN"),
        (_content().replace(b'"format":1', b'"format":1,"format":1'), "a key stands twice"),
        (b"\xff", "cannot be read"),
        (b"[]", "without number has 1 problem"),
        (b" " + _content(), "is not written canonically"),
        (json.dumps(json.loads(_content())).encode(), "is not written canonically"),
        (_content().replace(b'"line_number":1', b'"line_number":"1"'), "is not written canonically"),
    ],
)
def test_what_is_no_canonical_content_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        Document.parse(content)


def test_tax_is_rounded_once_per_rate() -> None:
    """G51: three lines of 10.03 at 21 % are 6.32 of tax, and 6.33, the sum of taxes per line, is refused."""
    content = example_content([example_line(name, "10.03", rate="21") for name in "abc"])
    assert Document.parse(content).totals.tax_amount == Decimal("6.32")

    def per_line(raw: dict[str, Any]) -> None:
        raw["taxes"][0]["tax_amount"] = "6.33"
        raw["totals"].update(tax_amount="6.33", total_amount="36.42")

    with pytest.raises(DocumentError, match=r"6\.33 is not 6\.32"):
        Document.parse(_changed(per_line, content))


def test_a_correction_carries_the_tax_that_is_missing() -> None:
    """D6: -3.33 at 19 % may be -0.64 in a correction, since it is worked out from the current base."""

    def remainder(raw: dict[str, Any]) -> None:
        raw["taxes"][0]["tax_amount"] = "-0.64"
        raw["totals"].update(tax_amount="-0.64", total_amount="-3.97")

    line = example_line("Amazon EC2", "-3.33", cause="restated")
    Document.parse(_changed(remainder, example_content([line], **CREDIT_NOTE)))
    with pytest.raises(DocumentError, match="T3"):
        Document.parse(_changed(remainder, example_content([line])))


def test_credits_given_back_stand_only_on_corrections() -> None:
    """K4: a first document never raises what is owed by a credit."""
    line = example_line("Amazon EC2", "-10.00", credit="4.00", cause="restated")
    assert Document.parse(example_content([line], **CREDIT_NOTE)).totals.credit_amount == 4
    with pytest.raises(DocumentError, match="above 0 on a first document"):
        Document.parse(example_content([line]))


def test_aws_tax_counts_as_tax() -> None:
    lines = [
        example_line("Amazon EC2", "100.00", category="O", rate="0"),
        example_line("Tax charged by AWS", "8.25", category="O", rate="0", kind="aws_tax"),
    ]
    document = Document.parse(example_content(lines))
    assert (document.totals.net_amount, document.totals.tax_amount) == (Decimal("100.00"), Decimal("8.25"))
    assert [line.description for line in document.aws_tax_lines] == ["Tax charged by AWS"]


_UNTIED = {"exact_amount_usd", "rounding_difference", "balance_after", "usage_quantity", "amount_usd", "rate"}


def _amounts(raw: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every amount that other amounts must tie to."""
    if isinstance(raw, dict | list):
        for key, value in raw.items() if isinstance(raw, dict) else enumerate(raw):
            yield from _amounts(value, (*path, key))
    elif isinstance(path[-1], str) and path[-1].endswith("amount") and path[-1] not in _UNTIED:
        yield path


@settings(deadline=None)
@given(data=st.data(), cents=st.integers(-1000, 1000).filter(bool))
def test_no_single_amount_can_be_changed_unnoticed(data: st.DataObject, cents: int) -> None:
    raw = json.loads(_content())
    *path, key = data.draw(st.sampled_from(list(_amounts(raw))))
    place = raw
    for step in path:
        place = place[step]
    place[key] = format(Decimal(place[key]) + Decimal(cents).scaleb(-2), "f")
    with pytest.raises(DocumentError):
        Document.parse(_canonical(raw))
