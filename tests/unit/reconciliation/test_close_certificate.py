"""The certificate of a closed month: what stands on it, on one page, always the same."""

import io
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdf
import pytest

from orchestration.errors import ChargehouseError
from orchestration.reconciliation.certificate import Certificate, published_certificate
from orchestration.reconciliation.certificate_pages import (
    COMPONENTS,
    PROBLEMS,
    REASONS,
    STAGES,
    certificate_markdown,
    certificate_pdf,
    exact,
    write_certificate,
)
from tests.unit.reconciliation.published_words import described_codes

ZERO = Decimal(0)
SMALLEST = Decimal("1e-24")
# 38 digits are more than Python's decimals count with by default.
LONG = Decimal("12345678901234.123456789012345678901234")


def stage(number: int, name: str, currency: str, amount: Decimal, residual: Decimal = ZERO) -> dict[str, Any]:
    return {
        **{"stage_number": number, "stage": name, "currency": currency, "groups": 3, "amount": amount},
        "residual": residual,
    }


def payer(account: str, residual: Decimal = ZERO, amount: str = "1234.5678901234") -> dict[str, Any]:
    amounts = dict.fromkeys(("raw", "billed", "withheld", "unrated", "groups"), Decimal(amount))
    return {"payer": account, **amounts, "residual": residual}


def problem(number: int, **cells: Any) -> dict[str, Any]:
    return {
        **{
            "problem": "unassigned_account",
            "group": "UNASSIGNED",
            "subject": f"{number:012d}",
            "detail": "Assign | it",
        },
        **{"rows": number, "aws_cost": Decimal(1000 - number), **cells},
    }


@pytest.fixture
def certificate() -> Certificate:
    stages = [stage(number, name, "USD", Decimal("10.0000000001")) for number, name in enumerate(STAGES, start=1)]
    stages += [stage(number, name, "JPY", Decimal(1500)) for number, name in enumerate(STAGES, start=1) if number > 5]
    return Certificate(
        billing_period=date(2026, 8, 1),
        is_final=True,
        row_count=12345,
        aws_cost=Decimal("1234.5678901234"),
        built_at=datetime(2026, 9, 4, 6, 12),
        fingerprint="f" * 64,
        code_version="c" * 64,
        membership_basis="usage_date",
        payers=(payer("111111111111"), payer("000000000002")),
        stages=tuple(stages),
        group_residuals=(),
        aws_invoices=(
            {
                **{"payer": "111111111111", "invoice": "E1", "cur_amount": Decimal("9.996"), "currency": "USD"},
                **{"data_transfer_amount": Decimal("3"), "total_amount": Decimal("10"), "difference": Decimal("0.004")},
                **{"left_out_difference": ZERO, "rounding_difference": Decimal("0.004"), "residual": ZERO},
                "reasons": "rounding",
            },
        ),
        aws_invoice_totals=(
            {
                **{"payer": "111111111111", "invoices": 1, "supplied": 1, "cur_amount": Decimal("9.996")},
                **{"compared_amount": Decimal("9.996"), "total_amount": Decimal("10"), "left_out_difference": ZERO},
                **{"rounding_difference": Decimal("0.004"), "residual": ZERO, "absolute_residual": ZERO},
                "reasons": "rounding",
            },
        ),
        margin=({"component": "markup", "amount": Decimal("5.25")},),
        documents=(
            {
                **{"currency": "JPY", "minor_units": 0, "kind": "invoice", "documents": 2},
                **{"first_number": "RS-2026-000001", "last_number": "RS-2026-000002", "total_amount": Decimal(1500)},
            },
        ),
        to_be_issued=(
            {"currency": "USD", "minor_units": 2, "documents": 1, "approved": 1, "total_amount": Decimal("9.5")},
        ),
        minor_units={"USD": 2, "JPY": 0},
        open_problems=(problem(1),),
        checks=({"check": "sums tie", "layer": "dbt", "status": "pass", "severity": "critical", "detail": ""},),
        deliveries=(
            {
                **{"payer": "111111111111", "export": "cur", "delivery": "d-1", "rows": 12345},
                **{"aws_cost": Decimal("1234.5678901234"), "fingerprint": "d" * 64},
            },
        ),
        newer_deliveries=(),
        configuration_files=({"file": "payers.csv", "sha256": "a" * 64},),
        last_number="RS-2026-000002",
        chain_hash="e" * 64,
    )


def text_of(pdf: bytes) -> str:
    (page,) = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return page.extract_text()


def test_everything_that_is_signed_stands_on_one_page(certificate: Certificate) -> None:
    text = text_of(certificate_pdf(certificate))
    for words in (
        *(
            "Close certificate",
            "August 2026",
            "In balance: every residual is 0 to the last decimal",
            "every row: final",
        ),
        *STAGES.values(),
        *("111111111111", "1,234.5679", "1,500", "rounding", "Markup", "5.25"),
        *("Invoices JPY", "RS-2026-000001 … RS-2026-000002", "To be issued USD", "1 approved", "9.50"),
        *("Open items (1)", "Account in no group", "000000000001", "999.00"),
        *("f" * 16, "c" * 16, "d" * 16, f"RS-2026-000002 {'e' * 16}", "1 passed, 0 failed"),
        *("Prepared by", "Reviewed by", "Date"),
    ):
        assert words in text, words
    assert "f" * 17 not in text


def test_what_landed_since_stands_on_it(certificate: Certificate) -> None:
    assert "Deliveries since then" in text_of(certificate_pdf(certificate))
    newer = replace(certificate, newer_deliveries=({"payer": "1" * 12, "export": "cur", "delivery": "d-2"},))
    assert "1 NOT BILLED YET: run the month again" in text_of(certificate_pdf(newer))


def test_the_same_month_gives_the_same_bytes(certificate: Certificate) -> None:
    assert certificate_pdf(certificate) == certificate_pdf(replace(certificate))
    assert certificate_markdown(certificate) == certificate_markdown(replace(certificate))
    other = replace(certificate, fingerprint="0" * 64)
    assert certificate_pdf(certificate) != certificate_pdf(other)
    assert certificate_markdown(certificate) != certificate_markdown(other)


def test_markdown_has_every_row_and_whole_hashes(certificate: Certificate) -> None:
    text = certificate_markdown(replace(certificate, open_problems=tuple(map(problem, range(1, 60)))))
    assert text.startswith("# Close certificate 2026-08\n\n**In balance: every residual is 0 to the last decimal**\n")
    for digest in "fcdea":
        assert digest * 64 in text
    assert text.count("| Account in no group |") == 59
    assert "1,234.5678901234" in text
    # A bar in a text would end its cell.
    assert r"Assign \| it" in text
    assert "| 111111111111 | E1 | rounding | 9.996 | 3.00 | 10.00 USD | 0.00 | 0.004 | 0 |" in text
    assert certificate.configuration_digest in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    tables = text.split("\n## ")[1:]
    for table in tables:
        widths = {line.replace(r"\|", "").count("|") for line in table.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, table
    assert rows


def test_a_residual_is_shown_with_its_last_digit(certificate: Certificate) -> None:
    """X1, X2: one unit of the 24th decimal is a fault, and its certificate must not look like a good one."""
    broken = replace(
        certificate,
        payers=(payer("111111111111", Decimal("-0.0000000001")),),
        stages=(stage(5, "lines_before_rounding", "USD", LONG, SMALLEST),),
        group_residuals=(
            {"group": "alpha", "stage": "lines_before_rounding", "currency": "USD", "residual": SMALLEST},
        ),
    )
    assert broken.residuals == (
        "Payer 111111111111: AWS total and charges differ by -0.0000000001 USD.",
        "Group alpha, stage lines_before_rounding: 0.000000000000000000000001 USD does not tie.",
    )
    for text in (text_of(certificate_pdf(broken)), certificate_markdown(broken)):
        assert "NOT IN BALANCE" in text
        assert "In balance" not in text
        assert "-0.0000000001" in text
        assert "0.000000000000000000000001" in text
    assert broken.as_dict()["ties"] is False
    assert certificate.as_dict()["ties"] is True


def test_a_full_month_still_fits_one_page(certificate: Certificate) -> None:
    """Twelve stages in seven currencies, nine payers, every part of the margin, ninety open items."""
    big = Decimal("-1234567890.1234567891")
    currencies = ("USD", "EUR", "JPY", "GBP", "KWD", "AUD", "CHF")
    full = replace(
        certificate,
        payers=tuple(payer(f"{number:012d}", ZERO, str(big)) for number in range(9)),
        stages=tuple(
            stage(number, name, currency, big)
            for number, name in enumerate(STAGES, start=1)
            for currency in (currencies if number > 5 else ("USD",))
        ),
        aws_invoice_totals=tuple(
            {
                **{"payer": f"{number:012d}", "invoices": 13, "supplied": 12, "absolute_residual": big},
                **dict.fromkeys(("cur_amount", "compared_amount", "total_amount", "left_out_difference"), big),
                **{"rounding_difference": Decimal("-0.12"), "residual": big, "reasons": "|".join(REASONS)},
            }
            for number in range(9)
        ),
        margin=tuple({"component": component, "amount": big} for component in COMPONENTS),
        documents=tuple(
            {
                **{"currency": currency, "minor_units": 2, "kind": kind, "documents": 999, "total_amount": big},
                **{"first_number": "BRIGHTWATER-CN-2026-000001", "last_number": "BRIGHTWATER-CN-2026-000999"},
            }
            for currency in currencies
            for kind in ("invoice", "credit_note")
        ),
        open_problems=tuple(
            problem(
                number,
                group="a-very-long-billing-group-id-of-a-customer-with-a-long-name",
                subject="standard, NL to BE, with tax id, of an account whose name goes on and on and on",
                aws_cost=big,
            )
            for number in range(90)
        ),
        deliveries=tuple({**certificate.deliveries[0], "payer": f"{number:012d}"} for number in range(9)),
    )
    text = text_of(certificate_pdf(full))
    for words in (
        *("and 4 more payers", "and 2 more currencies", "and 82 more open items", "and 4 more deliveries"),
        *("and 9 more rows", "Prepared by"),
    ):
        assert words in text, words
    for component in COMPONENTS.values():
        assert component in text


def test_amounts_keep_their_digits() -> None:
    assert exact(LONG) == "12,345,678,901,234.123456789"
    assert exact(LONG, 4) == "12,345,678,901,234.1235"
    assert exact(Decimal("-0.00000000001")) == "0.00"
    assert exact(Decimal("0E-10")) == "0.00"
    assert exact(None) == ""


def test_the_file_says_its_form_and_is_never_written_over(certificate: Certificate, tmp_path: Path) -> None:
    pdf, markdown = tmp_path / "close.pdf", tmp_path / "close.md"
    assert write_certificate(certificate, pdf).read_bytes() == certificate_pdf(certificate)
    assert write_certificate(certificate, markdown).read_text(encoding="utf-8") == certificate_markdown(certificate)
    with pytest.raises(ChargehouseError, match="is there already"):
        write_certificate(certificate, pdf)
    with pytest.raises(ChargehouseError, match=r"ends in \.pdf or \.md"):
        write_certificate(certificate, tmp_path / "close.docx")


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ChargehouseError, match=r"Nothing is published in .* yet\. Now: chargehouse run"):
        published_certificate(tmp_path / "chargehouse.duckdb", date(2026, 8, 1))


def test_every_code_of_the_marts_has_words() -> None:
    assert described_codes("fct_group_reconciliation", "stage") == STAGES.keys()
    assert described_codes("fct_margin", "component") == COMPONENTS.keys()
    assert described_codes("fct_aws_invoices", "reasons") | {""} == REASONS.keys()
    assert described_codes("fct_open_problems", "problem", quoted=False) <= PROBLEMS.keys()
