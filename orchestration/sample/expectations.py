"""What the sample months must come to: the records that the books close with and that tests compare with.

What is here: one record per kind of thing a bill is made of, and all of them together as JSON.
When to add here: another thing that tests compare with the warehouse.
What does not belong here: how any of it is worked out (``expected`` and what it calls).
"""

import json
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from pathlib import Path

__all__ = [
    "AccountExpectation",
    "ChargeTypeExpectation",
    "CommitmentExpectation",
    "CreditBalanceExpectation",
    "CreditDrawExpectation",
    "DeliveryExpectation",
    "Expectations",
    "GroupChargeExpectation",
    "GroupExpectation",
    "InvoiceExpectation",
    "LineAccountExpectation",
    "LineExpectation",
    "LineTaxExpectation",
    "PolicyExpectation",
    "TaxExpectation",
]


@dataclass(frozen=True)
class DeliveryExpectation:
    """One delivery.

    Attributes:
        row_count: data rows in its files, split-cost rows included.
        unblended_cost: sum of the unblended column without split-cost rows (C1).
        aws_cost: the same with column-mode discounts (C2); what X1 starts from.
        open_row_count, open_cost: rows with a non-zero unblended cost and no invoice id.
    """

    billing_period: str
    billing_account_id: str
    form: str
    discount_mode: str
    is_current: bool
    row_count: int
    split_cost_row_count: int
    unblended_cost: Decimal
    aws_cost: Decimal
    open_row_count: int
    open_cost: Decimal


@dataclass(frozen=True)
class GroupExpectation:
    """One billing group, UNASSIGNED included, in one period; without AWS tax but for the two tax fields.

    Attributes:
        list_cost: of all rows. billed_cost: of billed rows, exact. withheld_aws_cost: aws_cost of withheld
            rows.
        withheld_by_reason: the same by reason, and ``aws_tax`` beside them. A shared AWS credit is a billed
            row.
        aws_tax: tax rows' aws_cost. aws_tax_billed: the part passed on.
    """

    billing_period: str
    billing_group_id: str
    list_cost: Decimal
    aws_cost: Decimal
    billed_cost: Decimal
    withheld_aws_cost: Decimal
    withheld_by_reason: dict[str, Decimal]
    aws_tax: Decimal
    aws_tax_billed: Decimal


@dataclass(frozen=True)
class ChargeTypeExpectation:
    """One charge type of one group in one period."""

    billing_period: str
    billing_group_id: str
    charge_type: str
    list_cost: Decimal
    aws_cost: Decimal
    billed_cost: Decimal
    withheld_aws_cost: Decimal


@dataclass(frozen=True)
class AccountExpectation:
    """Everything AWS charged for one sub account in one period, tax included."""

    billing_period: str
    billing_account_id: str
    sub_account_id: str
    aws_cost: Decimal


@dataclass(frozen=True)
class GroupChargeExpectation:
    """One charge of a whole group (section 7), never zero; negative where it lowers the bill.

    Attributes:
        kind: shared_cost, custom_line_item, support or minimum_commitment.
        source_id: id of the rule, item or plan; '' for a minimum commitment.
        service_code: '' where it belongs to none.
    """

    billing_period: str
    billing_group_id: str
    kind: str
    source_id: str
    sub_account_id: str
    service_code: str
    billed_cost: Decimal


@dataclass(frozen=True)
class LineExpectation:
    """One invoice line (I1); its amounts in invoice currency are None while the rate is missing (I2).

    Attributes:
        credit_amount: customer credits drawn on it, negative (K1).
        tax_category, tax_rate: of its accounts' cases the one with the highest rate, in percent (T2).
    """

    billing_period: str
    billing_group_id: str
    line_kind: str
    source_id: str
    service_code: str
    exact_amount_usd: Decimal
    currency: str
    fx_rate: Decimal | None
    net_amount: Decimal | None
    credit_amount: Decimal | None
    tax_category: str
    tax_rate: Decimal


@dataclass(frozen=True)
class LineAccountExpectation:
    """The part of an invoice line that falls on one account (M6), never zero; none where the rate is missing.

    Rows of a TIERED rule weigh by their quantities, so that a part can differ by one minor unit from a split by
    rows where two remainders differ by less than 1e-10 per row.
    """

    billing_period: str
    billing_group_id: str
    line_kind: str
    source_id: str
    service_code: str
    sub_account_id: str
    net_amount: Decimal
    credit_amount: Decimal
    tax_category: str
    tax_rate: Decimal


@dataclass(frozen=True)
class LineTaxExpectation:
    """The part of an invoice line that falls on one tax category and rate (T4).

    None for AWS's tax passed on, and none where the rate of exchange is missing.
    """

    billing_period: str
    billing_group_id: str
    line_kind: str
    source_id: str
    service_code: str
    tax_category: str
    tax_rate: Decimal
    net_amount: Decimal
    credit_amount: Decimal


@dataclass(frozen=True)
class TaxExpectation:
    """The tax of one draft on one category and rate (T3); ``taxable_amount`` is after customer credits (T5)."""

    billing_period: str
    billing_group_id: str
    tax_category: str
    tax_rate: Decimal
    taxable_amount: Decimal
    tax_amount: Decimal


@dataclass(frozen=True)
class CreditDrawExpectation:
    """What a customer credit pays of an account's part of a line (K1 to K4); ``amount`` is negative."""

    credit_id: str
    billing_period: str
    billing_group_id: str
    line_kind: str
    source_id: str
    service_code: str
    sub_account_id: str
    amount: Decimal


@dataclass(frozen=True)
class CreditBalanceExpectation:
    """A customer credit when the last month is over (K5); drawn and expired amounts are negative."""

    credit_id: str
    billing_group_id: str
    currency: str
    granted_amount: Decimal
    drawn_amount: Decimal
    expired_amount: Decimal
    balance_amount: Decimal


@dataclass(frozen=True)
class CommitmentExpectation:
    """One reservation or Savings Plan in one period; ``savings`` = list value - used - unused (RS6)."""

    billing_period: str
    commitment_id: str
    cost: Decimal
    used: Decimal
    unused: Decimal
    list_value: Decimal
    savings: Decimal


@dataclass(frozen=True)
class PolicyExpectation:
    """A group's rated charges, had its terms this commitment policy (RS6)."""

    billing_period: str
    billing_group_id: str
    policy: str
    billed_cost: Decimal


@dataclass(frozen=True)
class InvoiceExpectation:
    """One draft: sums of its lines and of its taxes; AWS tax passed on stands in ``tax_amount`` alone."""

    billing_period: str
    billing_group_id: str
    currency: str
    fx_rate: Decimal | None
    exact_amount_usd: Decimal
    net_amount: Decimal | None
    credit_amount: Decimal | None
    taxable_amount: Decimal | None
    tax_amount: Decimal | None
    total_amount: Decimal | None
    line_count: int


@dataclass(frozen=True)
class Expectations:
    """Everything the sample's books say, each list in key order."""

    deliveries: tuple[DeliveryExpectation, ...]
    groups: tuple[GroupExpectation, ...]
    charge_types: tuple[ChargeTypeExpectation, ...]
    accounts: tuple[AccountExpectation, ...]
    group_charges: tuple[GroupChargeExpectation, ...]
    commitments: tuple[CommitmentExpectation, ...]
    policies: tuple[PolicyExpectation, ...]
    lines: tuple[LineExpectation, ...]
    line_accounts: tuple[LineAccountExpectation, ...]
    line_taxes: tuple[LineTaxExpectation, ...]
    credit_draws: tuple[CreditDrawExpectation, ...]
    credit_balances: tuple[CreditBalanceExpectation, ...]
    taxes: tuple[TaxExpectation, ...]
    invoices: tuple[InvoiceExpectation, ...]

    def to_json(self) -> str:
        """Return the expectations as JSON; amounts are decimal text, never numbers."""
        return json.dumps(_plain(self), indent=1) + "\n"

    def write(self, path: Path) -> None:
        """Write ``to_json()`` to a file."""
        path.write_text(self.to_json(), encoding="utf-8")


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return f"{value:f}" if isinstance(value, Decimal) else value
