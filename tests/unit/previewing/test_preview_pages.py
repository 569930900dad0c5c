"""What a person reads of a preview."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from orchestration.previewing.pages import COMMENT_BYTES, as_markdown, summary, tables
from tests.unit.previewing.example_previews import invoice, line, preview


def test_cause_stands_before_effect() -> None:
    found = preview(invoices=[invoice(None), invoice()], lines=[line()])
    assert summary(found) == [
        "proposed compared with the configuration in force, data/billing.",
        "2 rows differ in 2 files.",
        "Affected: 2026-10. Not: 2026-09.",
    ]
    titles = [table.title for table in tables(found)]
    assert titles == ["Changes in the files", "All invoices", "Margin, USD", "Billing groups", "Invoice lines"]
    assert tables(found)[0].rows == [
        {"file": "pricing_rules.csv", "line": "2", "row": "markup", "change": "changed", "what": "percentage: 0 → 10"},
        {"file": "fx_rates.csv", "line": "3", "row": "2026-10/USD/EUR", "change": "added", "what": "rate: 0.9"},
    ]
    assert [str(tables(found)[1].rows[0][name]) for name in ("total before", "total after", "difference")] == [
        *("100.00", "110.00", "10.00")
    ]


def test_a_change_without_effect_says_so() -> None:
    assert summary(preview())[-1] == ("Nothing changes in 2026-09, 2026-10: no amount, no open problem, no document.")
    assert "Nothing changes in 2026-09, 2026-10" in as_markdown(preview())


def test_what_must_be_done_is_said_at_the_top() -> None:
    document = {
        **invoice(),
        **{
            "effect": "correction",
            "reference_number": "RS-2026-000001",
            "kind_before": None,
            "kind_after": "credit_note",
        },
        **{"approved_by": None, "cause": "Configuration: pricing_rules.csv, markup changed"},
    }
    lapsed = {**document, "effect": "approval", "approved_by": "Ada"}
    problem = {
        **{"billing_period": invoice()["billing_period"], "billing_group_id": "acme", "problem": "missing_fx_rate"},
        **{"subject": "EUR", "detail": "No rate", "change": "appears", "aws_cost_difference": None},
        **{"amount_at_stake_before": Decimal(0), "amount_at_stake_after": Decimal("12.3400000000")},
    }
    found = replace(
        preview(invoices=[invoice()], documents=[document, lapsed], problems=[problem, problem | {"change": "goes"}]),
        rebuilt=(invoice()["billing_period"],),
        rejected=tuple(f"delivery {number}: damaged" for number in range(9)),
        left_out=(preview().periods[0],),
    )
    [shown, _] = next(table for table in tables(found) if table.title == "Open problems").rows
    assert (shown["at stake before"], shown["at stake after"]) == (Decimal(0), Decimal("12.34"))
    assert summary(found)[2:] == [
        "2026-10: there is something new that no run has built yet. It was built for this comparison on both sides, so "
        "that only the change makes a difference.",
        "It can affect 2026-09 too, which nobody asked for.",
        "Not counted, as a run would not: delivery 0: damaged",
        "Not counted, as a run would not: delivery 1: damaged",
        "Not counted, as a run would not: delivery 2: damaged",
        "Nor are 6 more deliveries: chargehouse status names them.",
        "Affected: 2026-10. Not: 2026-09.",
        "1 issued document needs a correction.",
        "1 approval lapses.",
        "1 open problem appears.",
    ]


def test_what_is_not_known_is_not_nothing() -> None:
    """A draft without an exchange rate has no amount in its currency: 0 would read as a customer who pays nothing."""
    row = next(table for table in tables(preview(invoices=[invoice(total=None)])) if table.title == "Billing groups")
    assert row.rows[0]["difference"] == "not known"


def test_a_difference_below_the_cent_is_shown() -> None:
    [shown] = next(table for table in tables(preview(lines=[line()])) if table.title == "Invoice lines").rows
    assert f"{shown['charges, USD difference']:f}" == "0.000000000000000000000001"


@pytest.mark.parametrize("limit", [COMMENT_BYTES, 5_000])
def test_a_comment_is_cut_to_what_is_taken_and_says_so(limit: int) -> None:
    lines = [line(number, "Amazon Elastic Compute Cloud ü") for number in range(5_000)]
    found = preview(invoices=[invoice(None), *(invoice(f"group {number}") for number in range(900))], lines=lines)
    text = as_markdown(found, limit)
    assert len(text.encode()) <= limit
    cut = dict(re.findall(r"(Billing groups|Invoice lines) (\d+(?:,\d+)?) of", text))
    assert set(cut) == {"Billing groups", "Invoice lines"}
    assert text.count("Amazon Elastic") == int(cut["Invoice lines"].replace(",", ""))
    assert len(re.findall(r"\| group \d", text)) == int(cut["Billing groups"].replace(",", ""))
    assert text.count("<details>") == text.count("</details>")
    assert "`chargehouse preview --format json` has all of it." in text


def test_a_whole_comment_cuts_nothing() -> None:
    text = as_markdown(preview(invoices=[invoice(None), invoice()], lines=[line()]))
    assert "Cut to fit" not in text
    assert "| 2026-10 | acme |  | +10.00 | USD | +10.00 | 0.00 | 0.00 | 100.00 | 110.00 | +10.00 |" in text


def test_words_of_the_configuration_are_no_markup() -> None:
    """A description is typed by somebody: it must not mention people, make links or break the table."""
    text = as_markdown(preview(lines=[line(1, "a|b @everyone <img src=x> [x](y) #1 `c`\nd")]))
    assert r"a\|b &#64;everyone \<img src=x\> \[x\](y) \#1 \`c\` d" in text


def test_no_address_becomes_a_link() -> None:
    text = as_markdown(preview(lines=[line(1, "https://evil.example WWW.evil.example &#64;me R&D #2")]))
    assert r"https&#58;//evil.example WWW&#46;evil.example &amp;\#64;me R&amp;D \#2" in text
