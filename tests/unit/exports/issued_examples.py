"""Issued documents with everything that rendering and exports read."""

from datetime import date
from typing import Any

from orchestration.ledger.issuing import IssuedDocument
from orchestration.ledger.ledger import Ledger
from tests.unit.ledger.ledger_contents import a_content, issue, request_of, with_credit

SEPTEMBER = date(2026, 9, 1)


def issue_example(
    ledger: Ledger, group: str, *nets: str, credit: str = "", corrects: IssuedDocument | None = None, **details: Any
) -> IssuedDocument:
    """Issue a document of lines at 19 %, a credit on the first where given; as a correction where it corrects one."""
    is_note = nets[0].startswith("-")
    if corrects is not None:
        details |= {"kind": "credit_note" if is_note else "supplementary_invoice", "reference": corrects}
    content = a_content(group=group, nets=nets, **details)
    content["issuer"]["country_code"] = content["customer"]["country_code"] = "DE"
    content["provenance"]["configuration_digest"] = "5eed"
    draws = []
    if credit:
        content, draw = with_credit(content, credit)
        draws = [draw]
    return issue(ledger, request_of(content, 0 if corrects is None else 1, draws))
