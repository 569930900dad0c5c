"""Previews made by hand, for what shows them."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.previewing.changes import CellChange, RowChange
from orchestration.previewing.comparison import SECTIONS, Preview

__all__ = ["invoice", "line", "preview"]

OCTOBER = date(2026, 10, 1)


def _sides(**amounts: tuple[str, str] | None) -> dict[str, Decimal | None]:
    found: dict[str, Decimal | None] = {}
    for name, sides in amounts.items():
        before, after = (None, None) if sides is None else map(Decimal, sides)
        difference = None if before is None or after is None else after - before
        found |= {f"{name}_before": before, f"{name}_after": after, f"{name}_difference": difference}
    return found


def invoice(
    group: str | None = "acme", total: tuple[str, str] | None = ("100.0000", "110.0000"), **cells: Any
) -> dict[str, Any]:
    """Return a row of ``invoices``; without a group that of the period."""
    parties = {f"{party}_id_{side}": group for party in ("customer", "issuer") for side in ("before", "after")}
    return {
        **{"level": "group" if group else "period", "billing_period": OCTOBER, "billing_group_id": group},
        **{"currency": "USD", "minor_units": 2, "change": "changed", **parties},
        **_sides(exact_amount_usd=("100.000000000000000000000000", "110.000000000000000000000000")),
        **_sides(net_amount=total, credit_amount=("0", "0"), tax_amount=("0", "0"), total_amount=total),
        **cells,
    }


def line(number: int = 1, description: str = "Usage") -> dict[str, Any]:
    """Return a row of ``lines``."""
    return {
        **{"level": "line", "billing_period": OCTOBER, "billing_group_id": "acme", "currency": "USD", "minor_units": 2},
        **{"invoice_line_key": str(number), "line_kind": "usage", "source_id": "", "service_code": f"Service{number}"},
        **{"change": "changed", "description_before": description, "description_after": description},
        **{"tax_before": "S 19.0000", "tax_after": "S 19.0000"},
        **_sides(exact_amount_usd=("1", "1.000000000000000000000001"), net_amount=("1", "2"), credit_amount=("0", "0")),
    }


def preview(**sections: list[dict[str, Any]]) -> Preview:
    """Return a preview of one changed percentage, with these rows in its sections."""
    return Preview(
        folder=Path("proposed"),
        in_force=Path("data/billing"),
        changes=(
            RowChange("pricing_rules.csv", "changed", "markup", 2, (CellChange("percentage", "0", "10"),)),
            RowChange("fx_rates.csv", "added", "2026-10/USD/EUR", 3, (CellChange("rate", "", "0.9"),)),
        ),
        periods=(date(2026, 9, 1), OCTOBER),
        touched=(OCTOBER,),
        left_out=(),
        rebuilt=(),
        rejected=(),
        sections={name: sections.get(name, []) for name in SECTIONS},
    )
