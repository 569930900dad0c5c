import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from pypdf import PdfReader

from orchestration.documents.content import Customer, Issuer
from orchestration.documents.letters import (
    Ageing,
    CoveredDocument,
    CoverStatement,
    Letter,
    Movement,
    OpenItem,
    Reminder,
    Statement,
    letter_pdf,
)
from orchestration.errors import DocumentError
from orchestration.sample.documents import CUSTOMERS, ISSUERS

ISSUER = Issuer(**ISSUERS["brightwater-eu"])
ZERO = Decimal(0)


def _customer(language: str) -> Customer:
    return Customer(**{**CUSTOMERS["kranich"], "language": language})


def _frame(language: str = "en") -> dict[str, Any]:
    return {
        "issuer": ISSUER,
        "customer": _customer(language),
        "currency": "EUR",
        "minor_units": 2,
        "day": date(2026, 11, 20),
    }


def _reminder(level: Literal[1, 2, 3] = 1, language: str = "en") -> Reminder:
    items = (
        OpenItem("BWEU-2026-000042", date(2026, 10, 5), date(2026, 10, 19), Decimal("7522.59"), Decimal("7522.59")),
        OpenItem("BWEU-2026-000055", date(2026, 10, 6), date(2026, 10, 20), Decimal("1200.00"), Decimal("200.00")),
    )
    return Reminder(**_frame(language), level=level, pay_by=date(2026, 11, 30), items=items)


def _statement(language: str = "en") -> Statement:
    movements = (
        Movement(date(2026, 10, 5), "invoice", "BWEU-2026-000042", date(2026, 10, 19), Decimal("7522.59")),
        Movement(date(2026, 10, 12), "payment", "SEPA 17", None, Decimal("-100.00")),
    )
    return Statement(
        **_frame(language),
        start=date(2026, 10, 1),
        end=date(2026, 10, 31),
        opening_balance=Decimal("100.00"),
        movements=movements,
        closing_balance=Decimal("7522.59"),
        ageing=Ageing(ZERO, Decimal("7522.59"), ZERO, ZERO, ZERO),
    )


def _cover(language: str = "en") -> CoverStatement:
    documents = (
        CoveredDocument(
            "BWEU-2026-000042",
            "invoice",
            "Production",
            date(2026, 10, 19),
            Decimal("100.00"),
            Decimal("-20.00"),
            Decimal("15.20"),
            Decimal("95.20"),
        ),
        CoveredDocument(
            "BWEU-CN-2026-000003",
            "credit_note",
            "Research",
            None,
            Decimal("-10.00"),
            ZERO,
            Decimal("-1.90"),
            Decimal("-11.90"),
        ),
    )
    return CoverStatement(
        **_frame(language), month=date(2026, 9, 1), documents=documents, total_amount=Decimal("83.30")
    )


def _text(letter: Letter) -> str:
    pages = PdfReader(io.BytesIO(letter_pdf(letter)), strict=True).pages
    return re.sub(r"[ \u00a0\u202f]+", " ", "\n".join(page.extract_text() for page in pages))


@pytest.mark.parametrize(
    ("level", "title", "words"),
    [(1, "Payment reminder", "overlooked"), (2, "Second reminder", "not yet received"), (3, "Final reminder", "final")],
)
def test_reminders_grow_firmer(level: Literal[1, 2, 3], title: str, words: str) -> None:
    text = _text(_reminder(level))
    for expected in (
        title,
        words,
        "7,722.59 EUR",
        "30 Nov 2026",
        "BWEU-2026-000055",
        "1,200.00 200.00",
        "32",
        "31",
        "IBAN",
    ):
        assert expected in text, expected


def test_a_statement_runs_its_balance() -> None:
    text = _text(_statement())
    for expected in ("Opening balance", "100.00", "7,622.59", "-100.00", "SEPA 17", "Closing balance", "1–30 days"):
        assert expected in text, expected


def test_a_cover_statement_lists_the_documents() -> None:
    text = _text(_cover())
    for expected in (
        "September 2026",
        "Production",
        "Research",
        "Credit note",
        "-20.00",
        "95.20",
        "-11.90",
        "83.30 EUR",
    ):
        assert expected in text, expected


@pytest.mark.parametrize("language", ["en", "de", "fr", "ja", "pl"])
def test_every_letter_prints_in_every_language(language: str) -> None:
    titles = {
        "en": ["Payment reminder", "Statement of account", "Summary of your documents"],
        "de": ["Zahlungserinnerung", "Kontoauszug", "Übersicht Ihrer Belege"],
        "fr": ["Rappel de paiement", "Relevé de compte", "Récapitulatif de vos documents"],
        "ja": ["お支払いのご案内", "取引明細書", "請求書類の一覧"],
    }
    letters: list[Letter] = [_reminder(language=language), _statement(language), _cover(language)]
    for letter, title in zip(letters, titles.get(language, titles["en"]), strict=True):
        assert title in _text(letter)


@pytest.mark.parametrize(
    ("letter", "message"),
    [
        (replace(_statement(), closing_balance=Decimal("7522.58")), "closing_balance 7522.58 is not 7522.59"),
        (replace(_statement(), ageing=Ageing(ZERO, ZERO, ZERO, ZERO, ZERO)), "ageing sums to 0"),
        (replace(_cover(), total_amount=Decimal("83.31")), "total_amount 83.31 is not 83.30"),
        (
            replace(_cover(), documents=(replace(_cover().documents[0], tax_amount=ZERO), _cover().documents[1])),
            "BWEU-2026-000042: total_amount 95.20 is not 80.00",
        ),
        (replace(_reminder(), items=()), "nothing to remind of"),
        (replace(_reminder(), day=date(2026, 10, 19)), "is due on 2026-10-19, not before"),
        (
            replace(_reminder(), items=(replace(_reminder().items[1], open_amount=Decimal("1200.01")),)),
            "open_amount 1200.01 is not above 0 and within 1200.00",
        ),
    ],
)
def test_letters_whose_sums_do_not_tie_are_not_printed(letter: Letter, message: str) -> None:
    with pytest.raises(DocumentError, match=re.escape(message)):
        letter_pdf(letter)


def test_the_same_letter_gives_the_same_bytes() -> None:
    assert letter_pdf(_cover()) == letter_pdf(_cover())
