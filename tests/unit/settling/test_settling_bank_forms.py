"""The mappings of banks' files: what is read, and every mistake named at once."""

from pathlib import Path

import pytest

from orchestration.errors import ConfigurationError
from orchestration.ledger.bank_files import BankFile
from orchestration.settling.bank_forms import EXAMPLE, FILE, KEYS, bank_form, bank_forms

NEEDED = 'date_column = "d"\namount_column = "a"\nreference_columns = ["r"]\n'


def write(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def test_the_example_shows_a_bank_and_a_provider() -> None:
    forms = bank_forms(EXAMPLE.parent)
    assert list(forms) == ["bank", "cards"]
    assert forms["bank"].reference_columns == ("Verwendungszweck", "Kundenreferenz")
    assert (forms["bank"].delimiter, forms["bank"].decimal_separator, forms["bank"].skip_lines) == (";", ",", 2)
    assert forms["cards"].id_column == "id"


def test_every_key_is_an_attribute_of_a_mapping() -> None:
    assert list(KEYS) != []
    assert KEYS.keys() == BankFile.__dataclass_fields__.keys()


def test_what_is_left_out_has_its_default_and_the_name_is_the_source(tmp_path: Path) -> None:
    assert bank_forms(tmp_path) == {}
    write(tmp_path, f'[mine]\n{NEEDED}currency = "EUR"\nthousands_separator = ""\n')
    assert bank_form(tmp_path, "mine") == BankFile("mine", "d", "a", ("r",), currency="EUR")


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        'loose = 1\n[one]\ndate_colum = "d"\nskip_lines = -1\ndelimiter = ";;"\nencoding = "klingon"\n'
        'currency = "eur"\nreference_columns = "r"\nthousands_separator = 1\ndecimal_separator = ""\n'
        f"[two]\n{NEEDED}skip_lines = true\n",
    )
    with pytest.raises(ConfigurationError) as error:
        bank_forms(tmp_path)
    found = {(problem.column, problem.expected) for problem in error.value.problems}
    assert {column for column, _ in found} == {
        "loose",
        *(f"one.{key}" for key in ("date_colum", "skip_lines", "delimiter", "encoding", "currency")),
        *(f"one.{key}" for key in ("reference_columns", "thousands_separator", "decimal_separator")),
        "one.date_column",
        "one.amount_column",
        "two.skip_lines",
    }
    assert ("one.date_colum", "is no key") in found
    assert ("one.date_column", "is missing") in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[one\n", "cannot be read"),
        (f"[one]\n{NEEDED}", "give either currency_column or currency"),
        (f'[one]\n{NEEDED}currency = "EUR"\ncurrency_column = "c"\n', "give either currency_column or currency"),
        (f'[one]\n{NEEDED}currency = "EUR"\nthousands_separator = "."\n', "thousands_separator is another one"),
    ],
)
def test_what_does_not_fit_together(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        bank_forms(write(tmp_path, text))


def test_a_mapping_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no mapping of this file; it has none"):
        bank_form(tmp_path, "one")
    write(tmp_path, f'[one]\n{NEEDED}currency = "EUR"\n')
    with pytest.raises(ConfigurationError, match="it has one"):
        bank_form(tmp_path, "two")
