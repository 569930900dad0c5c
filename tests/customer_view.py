"""What a customer's explanation of a line must never hold.

What is here: every text that a customer could be given of a line, and the numbers and words of ours found in them.
When to add here: another form in which an explanation leaves the house.
What does not belong here: which lines are looked at.
"""

import io
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from openpyxl import load_workbook
from rich.console import Console

from orchestration.explaining.explanation import Explanation
from orchestration.explaining.files import to_csv, to_json, to_workbook
from orchestration.explaining.tree import print_tree

__all__ = ["customer_texts", "leaks"]

_HIDDEN = ("list_cost", "aws_cost", "effective_cost", "rating_base")
_WORDS = (
    *("aws_cost", "list_cost", "effective", "margin", "treatment", "withheld", "policy", "rating", "membership"),
    *("pricing_rule", "weight", "csv line"),
)


def customer_texts(found: Explanation, rows: list[dict[str, Any]] | None = None) -> list[str]:
    """Return a line's explanation for its customer in every form: JSON, CSV, the cells of the workbook, the tree."""
    console = Console(file=io.StringIO(), width=250, highlight=False)
    print_tree(console, found, for_customer=True)
    book = load_workbook(io.BytesIO(to_workbook(found, rows, for_customer=True)))
    cells = [str(value) for sheet in book for row in sheet.iter_rows(values_only=True) for value in row if value]
    assert isinstance(console.file, io.StringIO)
    return [
        to_json(found, rows, for_customer=True).decode(),
        to_csv(found, for_customer=True).decode(),
        "\n".join(cells),
        console.file.getvalue(),
    ]


def leaks(found: Explanation, texts: Iterable[str]) -> set[str]:
    """Return what stands in the texts and is not the customer's: amounts, of each charge and summed, words, rule ids.

    An amount that is billed as it stands, or happens to be a quantity, is theirs.
    """
    hidden: set[Decimal] = set()
    for name in _HIDDEN:
        by_account: dict[str, Decimal] = {}
        for charge in found.charges:
            amount = charge[name] or Decimal(0)
            hidden.add(amount)
            by_account[charge["sub_account_id"]] = by_account.get(charge["sub_account_id"], Decimal(0)) + amount
        hidden |= {*by_account.values(), sum(by_account.values(), Decimal(0))}
    for row in found.group_charges:
        if row["method"] != "TRUE_UP":
            hidden |= {row[name] for name in ("base_amount", "whole_amount", "weight") if row[name] is not None}
    own = {Decimal(0)}
    for level in (found.usage, found.accounts, [found.line] if found.line else [], found.credits):
        for row in level:
            own |= {value for value in row.values() if isinstance(value, Decimal | int)}
    for step in found.bridge:
        if step["is_for_customer"]:
            own |= {step["amount"], step["reached_for_customer"]}
    # What the invoice itself says in a line's text is the customer's, such as the name of a support plan.
    ids = {
        name
        for name in ({charge["pricing_rule_id"] for charge in found.charges} | {found.shown["source_id"]}) - {None, ""}
        if name not in found.shown["description"]
    }
    hidden = {abs(amount) for amount in hidden} - {abs(amount) for amount in own}
    seen: set[str] = set()
    for text in texts:
        seen |= {word for word in _WORDS if word in text.lower()}
        seen |= {name for name in ids if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)}
        # Months and days are no amounts.
        text = re.sub(r"\d{4}-\d{2}(-\d{2})?([T ]\d{2}:\d{2}:\d{2})?", " ", text)
        for token in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)", text):
            if Decimal(token.replace(",", "")) in hidden:
                seen.add(token)
    return seen
