"""How the files of banks and payment providers are written: ``billing/bank_files.toml``.

What is here: the keys of that file, and reading it.
When to add here: a key, together with the attribute of ``BankFile`` that it fills.
What does not belong here: reading the banks' own files (``ledger/bank_files.py``).

It is no CSV like the other configuration: a mapping has lists, separators and spaces that matter, and it concerns no
bill, so that changing it builds nothing again.
"""

import codecs
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from orchestration.errors import ConfigProblem, ConfigurationError, LedgerError
from orchestration.ledger.bank_files import BankFile

__all__ = ["EXAMPLE", "FILE", "KEYS", "Key", "bank_form", "bank_forms"]

FILE = "bank_files.toml"
"""Name of the file in ``billing/``."""

EXAMPLE = Path(__file__).resolve().parent.parent / "sample" / "billing" / FILE
"""What ``chargehouse init`` writes: a European bank's file, and a payment provider's."""


@dataclass(frozen=True)
class Key:
    """One key of a mapping.

    Attributes:
        meaning: one line for a person.
        holds: what a value looks like, in words.
        accepts: whether a value, already of the right type, is one.
        is_list: whether it is a list of texts.
        is_number: whether it is a whole number.
    """

    meaning: str
    holds: str = "text"
    accepts: Callable[[Any], bool] = bool
    is_list: bool = False
    is_number: bool = False

    def fits(self, value: object) -> bool:
        """Return whether a value may stand there."""
        if self.is_list:
            return isinstance(value, list) and bool(value) and all(isinstance(one, str) and one for one in value)
        if self.is_number:
            return isinstance(value, int) and not isinstance(value, bool) and self.accepts(value)
        return isinstance(value, str) and self.accepts(value)


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


KEYS: dict[str, Key] = {
    "source": Key(
        "Name of the account; a payment is recorded once per source and id. Keep it for as long as the account lives."
    ),
    "date_column": Key("Header of the value date.", "header"),
    "amount_column": Key("Header of the signed amount: received above zero, paid out below.", "header"),
    "reference_columns": Key(
        "Headers of the texts in which a payer names a document.", "list of headers", is_list=True
    ),
    "currency_column": Key("Header of the currency; or `currency`.", "header"),
    "currency": Key(
        "Currency of the whole file; or `currency_column`.",
        "three capital letters",
        lambda text: len(text) == 3 and text.isascii() and text.isupper(),
    ),
    "counterparty_column": Key("Header of the payer's name.", "header"),
    "id_column": Key(
        "Header of the bank's own id of a payment. Without it the row itself is the id; then export days whole.",
        "header",
    ),
    "date_format": Key(
        "How dates are written: `%d.%m.%Y` is 31.12.2026, `%Y-%m-%d %H:%M` a date and time.",
        "format as in strptime",
        lambda text: "%" in text,
    ),
    "decimal_separator": Key("Before the decimals.", "`.` or `,`", lambda text: text in (".", ",")),
    "thousands_separator": Key(
        "Between thousands.", "`.`, `,`, `'`, a space, or nothing", lambda text: text in ("", ".", ",", "'", " ")
    ),
    "delimiter": Key("Between cells.", "one character", lambda text: len(text) == 1),
    "encoding": Key("How characters are written.", "name such as `cp1252`", _is_encoding),
    "skip_lines": Key("Lines before the header.", "whole number", lambda number: number >= 0, is_number=True),
    "method": Key("What is recorded as the way of paying.", "text"),
}
"""Every key of a mapping, by name: the attributes of ``BankFile``."""

_NEEDED = {field.name for field in fields(BankFile) if field.default is MISSING}


def bank_forms(billing: Path) -> dict[str, BankFile]:
    """Return the mappings of ``bank_files.toml`` by name; none where there is no such file.

    Raises:
        ConfigurationError: it cannot be read, or has a key or value that is none; names all of them.
    """
    path = billing / FILE
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            [ConfigProblem(FILE, None, None, None, f"cannot be read: {error}", "Mend the file; TOML in UTF-8.")]
        ) from None
    problems = [problem for name, table in found.items() for problem in _problems(name, table)]
    if problems:
        raise ConfigurationError(problems)
    forms = {}
    for name, table in found.items():
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
        }
        try:
            forms[name] = BankFile(**{"source": name, **values})
        except LedgerError as error:
            problems.append(ConfigProblem(FILE, None, name, None, "does not fit together", str(error)))
    if problems:
        raise ConfigurationError(problems)
    return forms


def bank_form(billing: Path, name: str) -> BankFile:
    """Return one mapping by its name.

    Raises:
        ConfigurationError: see ``bank_forms``, or there is no mapping of that name.
    """
    forms = bank_forms(billing)
    if name not in forms:
        has = f"it has {', '.join(forms)}" if forms else "it has none"
        raise ConfigurationError(
            [ConfigProblem(FILE, None, name, None, f"is no mapping of this file; {has}", "Name one, or add it.")]
        )
    return forms[name]


def _problems(name: str, table: object) -> Iterator[ConfigProblem]:
    if not isinstance(table, dict):
        yield ConfigProblem(
            FILE, None, name, str(table), "stands in no mapping", f"Begin one with [name] above {name}."
        )
        return
    for key, value in table.items():
        if key not in KEYS:
            yield ConfigProblem(FILE, None, f"{name}.{key}", None, "is no key", f"Use one of {', '.join(KEYS)}.")
        elif not KEYS[key].fits(value):
            yield ConfigProblem(
                FILE,
                None,
                f"{name}.{key}",
                str(value),
                f"is not what is expected: {KEYS[key].holds}",
                "Mend the value.",
            )
    for key in sorted(_NEEDED - table.keys() - {"source"}):
        yield ConfigProblem(FILE, None, f"{name}.{key}", None, "is missing", f"Add it: {KEYS[key].meaning}")
