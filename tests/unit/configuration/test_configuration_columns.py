"""What a single cell may hold, by kind of column."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from orchestration.configuration.columns import (
    AccountId,
    Boolean,
    CellError,
    Choice,
    Code,
    Column,
    Country,
    Currency,
    Day,
    Email,
    Identifier,
    Language,
    Number,
    Period,
    Text,
    TextList,
    WholeNumber,
    money,
    near_miss,
    percentage,
)

SERVICES = TextList("", Code(""), is_all_allowed=True)
THRESHOLDS = TextList("", percentage(""))
FX = Number("", 18, 10, is_zero_allowed=False)
SIGNED = Number("", 22, 10, minimum=None)

GOOD: list[tuple[Column, str, Any]] = [
    # An id that loses its zeros is another account, or none: its usage would go to UNASSIGNED.
    (AccountId(""), "000000000001", "000000000001"),
    (Identifier(""), "Müller & Söhne", "Müller & Söhne"),
    (Identifier(""), "0012", "0012"),
    (Text(""), "two\nlines", "two\nlines"),
    (Code(""), "AWS Marketplace", "AWS Marketplace"),
    (Choice("", ("a", "b")), "b", "b"),
    (Boolean(""), "true", True),
    (Boolean(""), "false", False),
    (Period(""), "2024-12", date(2024, 12, 1)),
    (Day(""), "2024-02-29", date(2024, 2, 29)),
    (percentage(""), "10", Decimal("10.00")),
    (percentage(""), "0", Decimal("0.00")),
    (percentage(""), "12.34", Decimal("12.34")),
    (percentage("", maximum=100), "100.00", Decimal("100.00")),
    (money(""), "999999999999.9999999999", Decimal("999999999999.9999999999")),
    (money(""), "0000000000000000001.5", Decimal("1.5000000000")),
    (SIGNED, "-12.50", Decimal("-12.5000000000")),
    (FX, "0.0000000001", Decimal("0.0000000001")),
    (WholeNumber(""), "30", 30),
    (Currency(""), "JPY", "JPY"),
    (Currency(""), "KWD", "KWD"),
    (Country(""), "DE", "DE"),
    (Country(""), "XK", "XK"),
    (Language(""), "en", "en"),
    (Language(""), "pt-BR", "pt-BR"),
    (Email(""), "billing@example.com", "billing@example.com"),
    (SERVICES, "*", ("*",)),
    (SERVICES, "AmazonS3 | AmazonEC2", ("AmazonS3", "AmazonEC2")),
    (THRESHOLDS, "80|100.00", ("80", "100")),
]


@pytest.mark.parametrize(("column", "text", "value"), GOOD)
def test_good_cells(column: Column, text: str, value: Any) -> None:
    parsed = column.parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(("column", "text", "value"), GOOD)
def test_what_is_shown_is_read_the_same(column: Column, text: str, value: Any) -> None:
    assert column.parse(column.show(column.parse(text))) == value


BAD: list[tuple[Column, str, str, str]] = [
    (AccountId(""), "12345678901", "exactly 12 digits", "is it '012345678901'?"),
    (AccountId(""), "1234567890123", "exactly 12 digits", "as AWS shows it"),
    (AccountId(""), "1234-5678-9012", "exactly 12 digits", "without hyphens: '123456789012'"),
    (AccountId(""), "1.23457E+11", "exactly 12 digits", "spreadsheet turned it into a number"),
    (AccountId(""), "١٢٣٤٥٦٧٨٩٠١٢", "exactly 12 digits", "digits only"),
    (AccountId(""), "12345678901a", "exactly 12 digits", "digits only"),
    (Identifier("", reserved=("UNASSIGNED",)), "unassigned", "keeps for itself", "another id"),
    (Identifier(""), "a|b", "holds * or |", "out of ids"),
    (Identifier(""), "a\nb", "line break", "again"),
    # Compared literally with the CUR, a pattern or list matches nothing, and the rule prices nothing.
    (Code(""), "BoxUsage:*", "holds * or |", "one exact value a row"),
    (Code(""), "AmazonEC2|AmazonS3", "holds * or |", "one exact value a row"),
    (Text(""), "a\x00b", "control character", "without it"),
    (Choice("", ("on_demand", "owner_group")), "ondemand", "on_demand, owner_group", "mean 'on_demand'?"),
    (Choice("", ("FEE", "CREDIT")), "fee", "FEE, CREDIT", "mean 'FEE'?"),
    (Choice("", ("FEE", "CREDIT")), "x", "FEE, CREDIT", "Use one of these."),
    (Boolean(""), "TRUE", "neither true nor false", "Write true."),
    (Boolean(""), "no", "neither true nor false", "Write false."),
    (Boolean(""), "maybe", "neither true nor false", "true or false"),
    (Period(""), "2024-1", "form YYYY-MM", "like"),
    (Period(""), "2024-13", "month of the calendar", "01 to 12"),
    (Period(""), "2024-01-01", "form YYYY-MM", "like"),
    (Period(""), "0000-01", "month of the calendar", "01 to 12"),
    (Day(""), "2023-02-29", "date of the calendar", "Check"),
    (Day(""), "2024-2-1", "form YYYY-MM-DD", "like"),
    (Day(""), "01.02.2024", "form YYYY-MM-DD", "like"),
    (Day(""), "2024-02", "form YYYY-MM-DD", "like"),
    # R3: rounding 12.345 in silence would bill another percentage than the contract says (golden case G05).
    (percentage(""), "12.345", "3 digits after the point", "does not round"),
    (percentage(""), "12.340", "3 digits after the point", "does not round"),
    (percentage(""), "-1", "below 0", "minus sign"),
    (percentage(""), "10%", "plain decimal", "% sign"),
    (percentage("", maximum=100), "100.01", "above 100", "0 to 100"),
    (money(""), "1_000", "plain decimal", "no spaces, separators"),
    (money(""), "1,000", "plain decimal", "never a comma"),
    (money(""), "1,000.50", "plain decimal", "separators"),
    (money(""), "1 000", "plain decimal", "no spaces"),
    (money(""), "1e3", "plain decimal", "exponent"),
    (money(""), "1.5E-7", "plain decimal", "exponent"),
    (money(""), "NaN", "plain decimal", "words"),
    (money(""), "Infinity", "plain decimal", "words"),
    (money(""), "+5", "plain decimal", "signs"),
    (money(""), ".5", "plain decimal", "digits"),
    (money(""), "5.", "plain decimal", "digits"),
    (money(""), "$5", "plain decimal", "digits"),
    (money(""), "٥", "plain decimal", "digits"),
    (money(""), "1\n", "plain decimal", "digits"),
    (money(""), "-0.01", "below 0", "minus sign"),
    (money(""), "0.00000000001", "11 digits after the point", "does not round"),
    (money(""), "1000000000000", "more than 12 digits before", "Check"),
    (FX, "0", "not more than 0", "above 0"),
    (FX, "0.0000000000", "not more than 0", "above 0"),
    (WholeNumber(""), "30.0", "whole number", "digits only"),
    (WholeNumber(""), "-1", "whole number", "digits only"),
    (Currency(""), "EURO", "ISO 4217", "three capital letters"),
    (Currency(""), "eur", "ISO 4217", "Write EUR."),
    (Currency(""), "XXX", "ISO 4217", "three capital letters"),
    (Currency(""), "DEM", "ISO 4217", "three capital letters"),
    (Country(""), "UK", "ISO 3166-1", "Write GB."),
    (Country(""), "Germany", "ISO 3166-1", "Write DE."),
    (Country(""), "de", "ISO 3166-1", "Write DE."),
    (Country(""), "EU", "ISO 3166-1", "two capital letters"),
    (Country(""), "ZZ", "ISO 3166-1", "two capital letters"),
    (Language(""), "english", "language tag", "two letters"),
    (Email(""), "billing", "email address", "one address"),
    (Email(""), "a@b.example|c@d.example", "email address", "one address"),
    (SERVICES, "AmazonS3||AmazonEC2", "empty item", "one |"),
    (SERVICES, "AmazonS3|", "empty item", "one |"),
    (SERVICES, "AmazonS3|AmazonS3", "'AmazonS3' twice", "once"),
    (SERVICES, "*|AmazonS3", "'*'", "one exact value"),
    (THRESHOLDS, "80|80.00", "'80' twice", "once"),
    (THRESHOLDS, "80|x", "'x', which is not a plain decimal", "digits"),
    (THRESHOLDS, "*", "'*'", "digits"),
]


@pytest.mark.parametrize(("column", "text", "expected", "advice"), BAD)
def test_bad_cells(column: Column, text: str, expected: str, advice: str) -> None:
    with pytest.raises(CellError) as error:
        column.parse(text)
    assert expected in error.value.expected
    assert advice in error.value.what_to_do


def test_near_misses_are_close_or_not_named() -> None:
    assert near_miss("Retail", ["retail", "special"]) == "retail"
    assert near_miss("retial", ["retail", "special"]) == "retail"
    assert near_miss("wholesale", ["retail", "special"]) is None
