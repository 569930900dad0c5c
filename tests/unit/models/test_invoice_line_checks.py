"""The check that invoice lines tie, on lines that are right and lines that are not."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

import duckdb
import pytest
from models_on_duckdb import RenderedProject

_TABLES = """
create table raw__build_periods (billing_period date);
create table fct_charges (billing_period date, billing_group_id varchar, billed_cost decimal(38, 20));
create table fct_group_charges (billing_period date, billing_group_id varchar, billed_cost decimal(38, 24));
create table billing__fx_rates (period date, from_currency varchar, to_currency varchar, rate decimal(18, 10));
create table ledger__documents (
    billing_period date, billing_group_id varchar, revision integer, number varchar, fx_rate decimal(18, 10)
);
create table fct_invoice_lines (
    billing_period date, billing_group_id varchar, invoice_line_key varchar, currency varchar, minor_units integer,
    fx_rate decimal(18, 10), exact_amount_usd decimal(38, 24), net_amount decimal(22, 4),
    rounding_difference decimal(38, 34)
);
insert into raw__build_periods values ('2026-08-01');
"""


@pytest.mark.parametrize("rate", ["0.9", "150.3", "16001.0000000007", "99999.9999999999"])
@pytest.mark.parametrize(("minor_units", "unit"), [(0, "1"), (2, "0.01")])
def test_a_line_is_converted_within_half_a_unit_at_every_rate(
    project: RenderedProject, rate: str, minor_units: int, unit: str
) -> None:
    """M7, I2: a line right below half a unit is right, and one a unit off is not, however small the currency."""
    with localcontext(prec=60):
        exact = ((Decimal("16000.5") * Decimal(unit) - Decimal("1e-12")) / Decimal(rate)).quantize(Decimal("1e-24"))
        net = (exact * Decimal(rate)).quantize(Decimal(unit), ROUND_HALF_UP)
    connection = duckdb.connect()
    connection.execute(_TABLES)
    for key, amount in (("right", net), ("wrong", net - Decimal(unit))):
        connection.execute(
            "insert into fct_invoice_lines values ('2026-08-01', 'alpha', ?, 'XXX', ?, ?, ?, ?, 0)",
            [key, minor_units, Decimal(rate), exact, amount],
        )
    found = connection.execute(
        f"select failing_row from ({project.singular_test('assert_invoice_lines_tie')}) "
        "where check_id = 'invoice_lines__converted'"
    ).fetchall()
    assert found == [("wrong",)]
