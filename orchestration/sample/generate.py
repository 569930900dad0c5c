"""Generates the sample: deliveries of two payers for some months, and what they must come to.

What is here: which form each delivery has, when it arrives, and the one call that writes all of them.
When to add here: a change in how a payer's deliveries arrive (a new form, a restated month).
What does not belong here: rows (``month``), cells (``columns``), files (``deliveries``), money
(``expected``).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from orchestration.sample.americas import AMERICAS
from orchestration.sample.columns import Rendering
from orchestration.sample.deliveries import Form, write_delivery
from orchestration.sample.emea import EMEA
from orchestration.sample.expectations import Expectations
from orchestration.sample.expected import Books
from orchestration.sample.facts import Fact, LineItemType
from orchestration.sample.month import billing_month, discount_rows, next_month, period_text
from orchestration.sample.policies import Policies
from orchestration.sample.story import Payer

__all__ = ["DEFAULT_MONTHS", "EXAMPLE_BILLING", "PAYERS", "generate"]

PAYERS = (AMERICAS, EMEA)
"""Both payers of the story."""

DEFAULT_MONTHS = ("2026-08", "2026-09", "2026-10")
"""The months the story's purchases, credits and moves are in."""

EXAMPLE_BILLING = Path(__file__).parent / "billing"
"""The example configuration that the story was written for."""

_EMEA_MOVED_TO_CUR2 = "2026-09"
_SUPERSEDED = ("2026-09", 16)  # A delivery of the first 15 days of September, which the final one supersedes.


def generate(
    landing: Path,
    *,
    seed: int = 7,
    months: Sequence[str] = DEFAULT_MONTHS,
    scale: int = 1,
    form: Form | None = None,
    payers: Sequence[Payer] = PAYERS,
    billing: Path = EXAMPLE_BILLING,
) -> Expectations:
    """Write the deliveries of ``months`` below ``landing`` and return what they must come to.

    The Americas deliver legacy CUR as CSV. Europe and Asia deliver legacy CUR as Parquet until August 2026
    and CUR 2.0 as Parquet, with discounts in columns, from then on. The newest month has no AWS invoice ids
    yet. The same arguments write the same bytes.

    Args:
        landing: landing folder; other files in it are left alone.
        seed: another seed is another reality under the same laws.
        months: billing periods, ``YYYY-MM``.
        scale: multiplies fleets, quantities and commitments.
        form: writes the same facts in this one form for every payer and month, discounts in rows.
        payers: one of the two payers, or both.
        billing: configuration the expectations are computed by; the files do not depend on it.

    Raises:
        ValueError: a month is not ``YYYY-MM``, or the configuration has something that the books refuse to guess:
            rules that tie, weights of zero, tiers that price several kinds of row.
    """
    periods = sorted({_period(month) for month in months})
    books = Books(Policies.read(billing))
    for payer in payers:
        for period in periods:
            facts = billing_month(payer, period, seed=seed, scale=scale)
            books.book_facts(payer.account_id, period, facts)
            own_form, column_mode = _usual_form(payer, period) if form is None else (form, False)
            is_final = period != periods[-1]
            if payer is AMERICAS and period_text(period) == _SUPERSEDED[0] and own_form is Form.LEGACY_CSV:
                cut = period.replace(day=_SUPERSEDED[1])
                _deliver(
                    landing,
                    books,
                    payer,
                    period,
                    [fact for fact in facts if fact.start < cut and fact.line_item_type is not LineItemType.TAX],
                    own_form,
                    seed=seed,
                    delivered_at=cut + timedelta(hours=4, minutes=25),
                    is_current=False,
                )
            _deliver(
                landing,
                books,
                payer,
                period,
                facts,
                own_form,
                seed=seed,
                # AWS goes on delivering a closed month until its support charges are in and it is invoiced.
                delivered_at=next_month(period) + timedelta(days=6, hours=5, minutes=40),
                column_mode=column_mode,
                is_final=is_final,
            )
    return books.expectations()


def _period(month: str) -> datetime:
    try:
        return datetime.strptime(month, "%Y-%m")
    except ValueError:
        raise ValueError(f"{month!r} is not a billing period. Write it as YYYY-MM, such as 2026-10.") from None


def _usual_form(payer: Payer, period: datetime) -> tuple[Form, bool]:
    """Return the form the payer delivers in that month, and whether discounts stand in columns (C2)."""
    if payer is AMERICAS:
        return Form.LEGACY_CSV, False
    if period_text(period) < _EMEA_MOVED_TO_CUR2:
        return Form.LEGACY_PARQUET, False
    return Form.CUR2_PARQUET, True


def _deliver(
    landing: Path,
    books: Books,
    payer: Payer,
    period: datetime,
    facts: list[Fact],
    form: Form,
    *,
    seed: int,
    delivered_at: datetime,
    column_mode: bool = False,
    is_final: bool = False,
    is_current: bool = True,
) -> None:
    rows = facts if column_mode else [*facts, *discount_rows(facts)]
    rendering = Rendering(payer, period, seed, column_mode, is_final)
    write_delivery(
        landing,
        payer,
        period,
        form,
        [rendering.cells(fact) for fact in rows],
        seed=seed,
        delivered_at=delivered_at,
        column_mode=column_mode,
        is_current=is_current,
    )
    books.book_delivery(
        payer.account_id,
        period,
        rows,
        form=form.value,
        column_mode=column_mode,
        is_current=is_current,
        is_final=is_final,
    )
