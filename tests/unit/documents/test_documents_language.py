import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration import documents
from orchestration.documents.language import Language

FOLDER = Path(documents.__file__).parent
TEXTS: dict[str, dict[str, str]] = tomllib.loads((FOLDER / "texts.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", TEXTS)
def test_every_language_has_every_text_with_its_values(code: str) -> None:
    def values(texts: dict[str, str]) -> dict[str, set[str]]:
        return {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in texts.items()}

    assert values(TEXTS[code]) == values(TEXTS["en"])
    assert [key for key, text in TEXTS[code].items() if not text.strip()] == []


def test_every_text_is_used() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    families = re.findall(r"f[\"'](\w+_)\{", code)
    unused = [
        key
        for key in TEXTS["en"]
        if f'"{key}"' not in code and f"'{key}'" not in code and not any(key.startswith(family) for family in families)
    ]
    assert set(unused) <= {"not_due", "days_1_30", "days_31_60", "days_61_90", "over_90", "in_favour"}


@pytest.mark.parametrize(
    ("tag", "country", "day", "amount"),
    [
        ("en", "US", "Oct 5, 2026", "-1,234.50"),
        ("en", "PL", "5 Oct 2026", "-1,234.50"),
        ("de", "DE", "05.10.2026", "-1.234,50"),
        ("de-CH", "CH", "05.10.2026", "-1’234.50"),
        ("fr", "BE", "5 oct. 2026", "-1\u202f234,50"),
        ("ja", "JP", "2026/10/05", "-1,234.50"),
        ("pt-BR", "BR", "5 Oct 2026", "-1.234,50"),
        (None, "DE", "5 Oct 2026", "-1,234.50"),
        ("xx-nonsense", "DE", "5 Oct 2026", "-1,234.50"),
    ],
)
def test_dates_and_amounts(tag: str | None, country: str, day: str, amount: str) -> None:
    language = Language.of(tag, country)
    assert language.day(date(2026, 10, 5)) == day
    assert language.amount(Decimal("-1234.5"), 2) == amount


def test_amounts_are_exact_at_any_size() -> None:
    language = Language.of("en", "US")
    assert language.amount(Decimal("123456789012345678901234.56"), 2) == "123,456,789,012,345,678,901,234.56"
    assert language.amount(Decimal("-0.00"), 2) == "0.00"
    assert language.number(Decimal("4.3210")) == "4.3210"
    assert language.percent(Decimal("7.70")) == "7.7\u00a0%"


def test_a_customer_reads_the_kind_of_cause_and_none_of_our_names() -> None:
    german = Language.of("de", "DE")
    restated = "Restatement by AWS: delivery 9/cur/2026-09/2 of payer 9"
    gone = "Delivery 8/cur/2026-09/1 of payer 8 is gone"
    configured = "Configuration: pricing_rules.csv, kranich-markup-12 changed, a added and 2 more"
    assert german.cause(f"{restated}; {gone}") == "Von AWS nachträglich geändert"
    assert german.cause(f"{restated}; {configured}") == (
        "Von AWS nachträglich geändert, Geänderte Konditionen, Preise oder Stammdaten"
    )
    # What provenance says when it is neither.
    for other in ("Calculation: another version of the billing rules", "No delivery or configuration of its own: …"):
        assert german.cause(other) == "Berichtigte Berechnung"
    assert german.cause("") == ""
