"""Approving and issuing: numbers, idempotence, and every reason to refuse."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from orchestration.errors import LedgerError
from orchestration.ledger.contents import canonical_bytes, parse_content
from orchestration.ledger.issuing import IssueRequest, check_request
from orchestration.ledger.ledger import Ledger
from tests.unit.ledger.ledger_contents import (
    a_content,
    a_line,
    another_hash,
    correct,
    issue,
    issue_one,
    request_of,
    summed,
    with_credit,
)


def test_numbers_follow_the_order_of_issue(ledger: Ledger) -> None:
    """G61: numbers are drawn at issue, not at drafting or approval, and a draft that is dropped leaves no gap."""
    first, second, third = (request_of(a_content(group=name)) for name in ("d1", "d2", "d3"))
    dropped = request_of(a_content(group="d4"))
    for request in (first, second, dropped, third):
        ledger.approve(request.draft, "Ada")
    ledger.withdraw_approval(dropped.draft, "Ada", "not after all")
    numbers = [ledger.issue(request, "Ben").number for request in (third, first, second)]
    assert numbers == ["BW-2026-000001", "BW-2026-000002", "BW-2026-000003"]
    assert [document.billing_group_id for document in ledger.documents()] == ["d3", "d1", "d2"]
    assert ledger.verify().is_sound


def test_an_issued_document_is_never_taken_back(ledger: Ledger) -> None:
    request = request_of(a_content())
    document = issue(ledger, request)
    with pytest.raises(LedgerError, match=rf"issued as {document.number} and stays"):
        ledger.withdraw_approval(request.draft, "Ada", "wrong")
    assert ledger.document(document.number).content == document.content


def test_series_are_per_issuer_kind_and_year(ledger: Ledger) -> None:
    """D2: the counter restarts with the year of issue; credit notes count on their own, supplements do not."""
    first = issue_one(ledger, "a", issue_date="2025-12-31", due_date="2026-01-31")
    second = issue_one(ledger, "b")
    note = correct(ledger, second, "-10.00", 1)
    supplement = correct(ledger, second, "5.00", 2)
    other = issue_one(ledger, "c", issuer="other", prefix="OT")
    refund_month = issue(ledger, request_of(a_content(group="d", kind="credit_note", nets=["-3.00"])))
    assert [document.number for document in (first, second, note, supplement, other, refund_month)] == [
        "BW-2025-000001",
        "BW-2026-000001",
        "BW-CN-2026-000001",
        "BW-2026-000002",
        "OT-2026-000001",
        "BW-CN-2026-000002",
    ]
    assert ledger.verify().is_sound


def test_the_content_is_frozen_byte_by_byte(ledger: Ledger) -> None:
    content = a_content(nets=["100.00", "0.30"])
    document = issue(ledger, request_of(content))
    assert document.content == canonical_bytes({**content, "number": "BW-2026-000001"})
    assert b'"net_amount":"100.00"' in document.content
    assert "Änderung 1 – “quoted”".encode().replace(b'"', b'\\"') in document.content
    assert parse_content(document.content).number == "BW-2026-000001"
    assert document.is_new


def test_asking_again_returns_what_was_issued(ledger: Ledger) -> None:
    """A retry after a crash must not bill twice."""
    request = request_of(a_content())
    document = issue(ledger, request)
    tomorrow = replace(request, content={**request.content, "issue_date": "2026-10-06", "due_date": "2026-11-05"})
    again = ledger.issue(tomorrow, "Ben")
    assert again == replace(document, is_new=False)
    assert len(list(ledger.documents())) == 1


def test_the_same_correction_can_be_needed_twice(ledger: Ledger) -> None:
    """-10, +10, -10: the third is no retry of the first, though every number in it is the same."""
    original = issue_one(ledger, "a")
    numbers = [correct(ledger, original, net, revision).number for revision, net in [(1, "-10"), (2, "10"), (3, "-10")]]
    assert numbers == ["BW-CN-2026-000001", "BW-2026-000002", "BW-CN-2026-000002"]


def test_only_approved_numbers_are_issued(ledger: Ledger) -> None:
    request = request_of(a_content())
    with pytest.raises(LedgerError, match=r"is not approved\. Nothing was issued"):
        ledger.issue(request, "Ben")
    ledger.approve(request.draft, "Ada", "looked at it")
    changed = another_hash(request, "f" * 64)
    with pytest.raises(LedgerError, match=r"approved by Ada on .* with other numbers"):
        ledger.issue(changed, "Ben")
    ledger.withdraw_approval(request.draft, "Eve", "the rate is wrong")
    with pytest.raises(LedgerError, match="Eve took that back: the rate is wrong"):
        ledger.issue(request, "Ben")
    assert ledger.approval(request.draft) is None
    assert list(ledger.documents()) == []
    ledger.approve(request.draft, "Ada")
    assert ledger.issue(request, "Ben").number == "BW-2026-000001"


def test_approving_again_changes_nothing(ledger: Ledger) -> None:
    draft = request_of(a_content()).draft
    assert ledger.approve(draft, "Ada") == ledger.approve(draft, "Eve")
    assert ledger.arrow_table("approvals").num_rows == 1


def test_a_draft_that_another_document_overtook_is_refused(ledger: Ledger) -> None:
    """Two people approve two states of one month; only one of them can become the invoice."""
    mine, yours = request_of(a_content(nets=["100.00"])), request_of(a_content(nets=["90.00"]))
    ledger.approve(mine.draft, "Ada")
    ledger.approve(yours.draft, "Ada")
    ledger.issue(mine, "Ben")
    with pytest.raises(LedgerError, match="was overtaken: BW-2026-000001"):
        ledger.issue(yours, "Ben")
    with pytest.raises(LedgerError, match="drafted after 0 issued documents, but there are 1"):
        ledger.approve(yours.draft, "Ada")


def test_refusals_need_an_override_each(ledger: Ledger) -> None:
    """D7."""
    request = replace(request_of(a_content()), refusals=("not_final", "quarantined_rows"))
    ledger.approve(request.draft, "Ada")
    with pytest.raises(LedgerError, match=r"hold \(D7\): not_final, quarantined_rows"):
        ledger.issue(request, "Ben")
    ledger.override(request.draft, "not_final", "Ada", "AWS confirmed the total")
    assert ledger.unmet_refusals(request.draft, ("quarantined_rows", "not_final", "residual")) == [
        "quarantined_rows", "residual",
    ]  # fmt: skip
    with pytest.raises(LedgerError, match=r"hold \(D7\): quarantined_rows"):
        ledger.issue(request, "Ben")
    with pytest.raises(LedgerError, match="needs a reason"):
        ledger.override(request.draft, "quarantined_rows", "Ada", " ")
    ledger.override(request.draft, "quarantined_rows", "Ada", "0.02 USD of a test account")
    ledger.issue(request, "Ben")
    rows = ledger.arrow_table("overrides").to_pylist()
    assert [(row["refusal"], row["overridden_by"]) for row in rows] == [
        ("not_final", "Ada"),
        ("quarantined_rows", "Ada"),
    ]


def test_nobody_overrides_the_residual(ledger: Ledger) -> None:
    request = replace(request_of(a_content()), refusals=("residual",))
    ledger.approve(request.draft, "Ada")
    with pytest.raises(LedgerError, match="nobody can override that"):
        ledger.override(request.draft, "residual", "Ada", "please")
    with pytest.raises(LedgerError, match=r"hold \(D7\): residual"):
        ledger.issue(request, "Ben")


def test_an_override_is_of_one_draft(ledger: Ledger) -> None:
    request = replace(request_of(a_content()), refusals=("not_final",))
    changed = another_hash(request, "e" * 64)
    ledger.override(request.draft, "not_final", "Ada", "fine")
    ledger.approve(changed.draft, "Ada")
    with pytest.raises(LedgerError, match="not_final"):
        ledger.issue(changed, "Ben")


def test_numbers_follow_days(ledger: Ledger) -> None:
    """An invoice dated before its predecessor is what a tax inspector looks for."""
    issue_one(ledger, "a", issue_date="2026-10-05")
    with pytest.raises(LedgerError, match="numbers follow days"):
        issue_one(ledger, "b", issue_date="2026-10-04")
    assert issue_one(ledger, "c", issue_date="2026-10-05").number == "BW-2026-000002"


def test_issuers_with_one_prefix_are_told_apart(ledger: Ledger) -> None:
    issue_one(ledger, "a")
    with pytest.raises(LedgerError, match="BW-2026-000001 was given by issuer brightwater; issuer other has the same"):
        issue_one(ledger, "b", issuer="other")
    assert ledger.verify().is_sound


def test_a_correction_fits_its_original(ledger: Ledger) -> None:
    """D4, G76: the original's currency and FX rate, its customer and its number."""
    original = issue_one(ledger, "a")
    content = a_content(group="a", kind="credit_note", nets=["-1"], customer="other", reference=original)
    content["fx"]["rate"] = Decimal("0.9300")
    request = request_of(summed(content), 1)
    with pytest.raises(LedgerError) as error:
        issue(ledger, request)
    assert "customer_id is other, but BW-2026-000001 has kranich-gmbh" in str(error.value)
    assert "FX rate is 0.9300, but BW-2026-000001 has 0.9234" in str(error.value)


def _broken(**changes: Any) -> IssueRequest:
    content = a_content(nets=["10.00", "20.00"])
    content.update(changes)
    return request_of(content)


def _with_line(**changes: Any) -> IssueRequest:
    content = a_content(nets=["10.00", "20.00"])
    content["lines"][0].update(changes)
    return request_of(content)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (_broken(number="BW-2026-000009"), "numbers are given at issue"),
        (_broken(due_date="2026-10-04"), "due_date 2026-10-04 is before issue_date 2026-10-05"),
        (_broken(issue_date="2027-02-01", due_date="2027-03-01"), "issue_date 2027-02-01 is in the future"),
        (_broken(currency="euro"), "currency: 'euro'"),
        (_broken(billing_period="2026-13"), "billing_period: '2026-13'"),
        (_broken(reference={"number": "X", "issue_date": "2026-01-01"}), "a first document names none"),
        (_broken(kind="supplementary_invoice"), "kind is supplementary_invoice, but document 1 of a month is"),
        (_broken(credits=[{"credit_id": "p", "amount": "-1.00"}]), "credit p is -1.00, but its draws sum to 0"),
        (_with_line(net_amount=Decimal("10.01")), "line 1: net_amount is 10.01, but its accounts sum to 10.00"),
        (_with_line(net_amount=Decimal("10.01")), "net_amount is 30.00, but the lines sum to 30.01"),
        (_with_line(parts=[]), "line 1: net_amount is 10.00, but its tax parts sum to 0"),
        (_with_line(net_amount=10.0), "content.lines[0].net_amount is 10.0 (float)"),
        (_with_line(net_amount="1e1"), "lines.0.net_amount: '1e1': is no exact decimal"),
        (_with_line(line_number=2), "line number 2 stands there twice"),
        (_with_line(description="\ud800"), "text that is no Unicode"),
    ],
)
def test_what_does_not_tie_is_refused(request_: IssueRequest, said: str) -> None:
    with pytest.raises(LedgerError) as error:
        check_request(request_, date(2026, 12, 31))
    assert said in str(error.value)


def test_all_problems_of_a_document_are_named_at_once(ledger: Ledger) -> None:
    content = a_content()
    content["taxes"][0]["taxable_amount"] = Decimal("100.005")
    content["totals"]["total_amount"] = Decimal("118.00")
    with pytest.raises(LedgerError) as error:
        issue(ledger, request_of(content))
    for said in (
        "the tax table holds 100.005, which is no whole number of 0.01 EUR (M4)",
        "the taxable amount of S at 19 is 100.005, but its lines sum to 100.00",
        "taxable_amount is 100.00, but the taxes sum to 100.005",
        "total_amount is 118.00, but net, credit and tax sum to 119.00",
    ):
        assert said in str(error.value)
    assert list(ledger.documents()) == []


def test_a_draft_without_lines_gets_no_document(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="without lines gets no document"):
        issue(ledger, request_of(a_content(nets=[])))


def test_aws_tax_passed_on_counts_as_tax(ledger: Ledger) -> None:
    content = a_content(nets=["100.00"])
    content["lines"].append(a_line(2, Decimal("7.50"), kind="aws_tax", rate="0"))
    document = issue(ledger, request_of(summed(content)))
    assert document.total_amount == Decimal("126.50")


def test_credit_draws_are_kept_with_the_document(ledger: Ledger) -> None:
    """K4: the draws are issued in the same transaction, and tie with the credits, the lines and the accounts."""
    content, draw = with_credit(a_content(nets=["100.00", "5.00"]), "-40.00")
    document = issue(ledger, request_of(content, draws=[draw]))
    assert document.total_amount == Decimal("77.35")
    assert ledger.arrow_table("credit_draws").to_pylist() == [
        {"document_id": 1, "amount": Decimal("-40"), **{k: v for k, v in vars(draw).items() if k != "amount"}}
    ]
    assert ledger.verify().is_sound


def test_draws_that_do_not_tie_are_refused(ledger: Ledger) -> None:
    content, draw = with_credit(a_content(), "-40.00")
    with pytest.raises(LedgerError) as error:
        issue(ledger, request_of(content, draws=[replace(draw, sub_account_id="other", amount=Decimal("-39.00"))]))
    assert "credit promo is -40.00, but its draws sum to -39.00" in str(error.value)
    assert "account other is 0, but the draws sum to -39.00" in str(error.value)


def test_nothing_happens_without_a_name(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="Who does this"):
        ledger.approve(request_of(a_content()).draft, " ")


def test_every_change_is_in_the_audit_log(ledger: Ledger) -> None:
    request = request_of(a_content())
    ledger.override(request.draft, "not_final", "Eve", "fine")
    issue(ledger, request)
    rows = ledger.arrow_table("audit_log").to_pylist()
    assert [(row["actor"], row["action"]) for row in rows] == [
        ("Eve", "override"),
        ("Ada", "approve"),
        ("Ben", "issue"),
    ]
    assert rows[2]["subject"] == "BW-2026-000001"
    assert all(row["host"] for row in rows)


def test_a_failure_midway_leaves_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number that was taken is given again: no gap."""
    import orchestration.ledger.issuing as module

    request = request_of(a_content())
    ledger.approve(request.draft, "Ada")
    with monkeypatch.context() as patched:
        patched.setattr(module, "tax_rows", lambda content: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ledger.issue(request, "Ben")
    assert list(ledger.documents()) == []
    assert ledger.verify().is_sound
    assert ledger.issue(request, "Ben").number == "BW-2026-000001"
