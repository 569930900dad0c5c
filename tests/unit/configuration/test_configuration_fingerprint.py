"""Which changes of configuration change which digest."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.configuration.fingerprint import membership_digest, period_digest
from orchestration.configuration.schema import FILES

FEBRUARY, MARCH, APRIL = date(2024, 2, 1), date(2024, 3, 1), date(2024, 4, 1)

Change = Callable[[Any], object]


def changed_periods(files: Any, change: Change, digest: Callable[..., str]) -> list[date]:
    before = files.read()
    change(files)
    after = files.read()
    return [month for month in (FEBRUARY, MARCH, APRIL) if digest(before, month) != digest(after, month)]


PERIOD_CHANGES = [
    pytest.param(lambda f: f.set("pricing_rules", 0, "percentage", "11"), [FEBRUARY, MARCH, APRIL], id="a rule"),
    pytest.param(lambda f: f.set("pricing_rules", 2, "percentage", "6"), [FEBRUARY, MARCH], id="rule until March"),
    pytest.param(lambda f: f.set("pricing_rules", 4, "percentage", "8"), [APRIL], id="a rule from April"),
    pytest.param(
        lambda f: f.set("pricing_rules", 0, "end_period", "2024-04"),
        [APRIL],
        id="a rule that ends before April",
    ),
    pytest.param(lambda f: f.set("pricing_rules", 0, "end_period", "2030-01"), [], id="a rule that ends later"),
    pytest.param(lambda f: f.set("gl_accounts", 0, "account_code", "1410"), [], id="an account of the general ledger"),
    pytest.param(lambda f: f.set("quality_thresholds", 0, "value", "24"), [], id="a limit of a check"),
    pytest.param(
        lambda f: f.set("pricing_rule_tiers", 0, "rate", "0.11"),
        [FEBRUARY, MARCH, APRIL],
        id="tier of a rule",
    ),
    pytest.param(
        lambda f: (
            f.add("pricing_rules", "r-x,special,SKU,TIERED,,,,AmazonS3,Later,,,false,2024-04,"),
            f.add("pricing_rule_tiers", "r-x,0,,1"),
        ),
        [APRIL],
        id="tiers count with their rule",
    ),
    # The account moves on 16 March: a day later changes March alone.
    pytest.param(
        lambda f: (
            f.set("account_assignments", 1, "end_date", "2024-03-17"),
            f.set("account_assignments", 2, "start_date", "2024-03-17"),
        ),
        [MARCH],
        id="day of a move",
    ),
    pytest.param(
        lambda f: (
            f.set("account_assignments", 1, "end_date", "2024-04-01"),
            f.set("account_assignments", 2, "start_date", "2024-04-01"),
        ),
        [MARCH],
        id="move on the first of the next month",
    ),
    pytest.param(lambda f: f.set("fx_rates", 1, "rate", "0.94"), [MARCH], id="rate of one period"),
    pytest.param(lambda f: f.add("fx_rates", "2024-05,USD,EUR,0.9,ECB"), [], id="rate of another period"),
    pytest.param(lambda f: f.add("aws_invoices", "000000000901,9,2024-03,1,USD"), [MARCH], id="AWS invoice"),
    # K2: of two credits, the one that expires first is drawn first, in every month of both.
    pytest.param(
        lambda f: f.set("credits", 1, "end_date", "2030-01-01"),
        [FEBRUARY, MARCH, APRIL],
        id="expiry of a credit",
    ),
    pytest.param(lambda f: f.set("customers", 0, "currency", "USD"), [], id="no change"),
    pytest.param(
        lambda f: f.set("customers", 0, "tax_id", "12-345"),
        [FEBRUARY, MARCH, APRIL],
        id="a customer's tax id",
    ),
    pytest.param(
        lambda f: f.set("settings", 0, "value", "billing_period"),
        [FEBRUARY, MARCH, APRIL],
        id="membership basis",
    ),
    pytest.param(lambda f: f.replace_rows("settings"), [], id="a default instead of the same setting"),
    pytest.param(lambda f: f.set("pricing_rules", 0, "percentage", "10.00"), [], id="another spelling"),
    pytest.param(lambda f: f.rows["pricing_rules"].reverse(), [], id="another order"),
    pytest.param(
        lambda f: f.set("custom_line_items", 2, "associated_item_ids", "c-flat-2|c-flat"),
        [],
        id="order of a list",
    ),
    pytest.param(
        lambda f: f.set("custom_line_items", 2, "associated_item_ids", "c-flat"),
        [FEBRUARY, MARCH, APRIL],
        id="items of a list",
    ),
]


@pytest.mark.parametrize(("change", "periods"), PERIOD_CHANGES)
def test_what_changes_a_period(files: Any, change: Change, periods: list[date]) -> None:
    # A period missing here would keep last month's prices; one too many is read and priced for nothing.
    assert changed_periods(files, change, period_digest) == periods


def test_an_absent_file_equals_an_empty_one(files: Any) -> None:
    files.replace_rows("budgets")
    before = period_digest(files.read(), MARCH)
    files.remove("budgets")
    (files.folder / "budgets.csv").unlink()
    assert period_digest(files.read(), MARCH) == before


MEMBERSHIP_CHANGES = [
    pytest.param(
        lambda f: (
            f.set("account_assignments", 1, "end_date", "2024-03-17"),
            f.set("account_assignments", 2, "start_date", "2024-03-17"),
        ),
        [MARCH],
        id="day of a move",
    ),
    pytest.param(
        lambda f: (
            f.set("account_assignments", 1, "end_date", "2024-04-01"),
            f.set("account_assignments", 2, "start_date", "2024-04-01"),
        ),
        [MARCH],
        id="a move to the first of a month divides nothing",
    ),
    pytest.param(lambda f: f.set("account_assignments", 4, "start_date", "2024-02-29"), [FEBRUARY], id="last day"),
    pytest.param(lambda f: f.set("account_assignments", 4, "start_date", "2024-03-01"), [], id="whole months"),
    pytest.param(
        lambda f: f.set("account_assignments", 2, "billing_group_id", "acme-prod"), [], id="which group it is"
    ),
    pytest.param(lambda f: f.set("pricing_rules", 0, "percentage", "11"), [], id="prices"),
    pytest.param(
        lambda f: f.set("settings", 0, "value", "billing_period"),
        [FEBRUARY, MARCH, APRIL],
        id="membership basis",
    ),
]


@pytest.mark.parametrize(("change", "periods"), MEMBERSHIP_CHANGES)
def test_what_changes_the_days_of_membership(files: Any, change: Change, periods: list[date]) -> None:
    # Raw rows are summed by these days; a day missing would leave usage with the account's former group.
    assert changed_periods(files, change, membership_digest) == periods


def test_days_do_not_matter_when_the_period_decides(files: Any) -> None:
    files.set("settings", 0, "value", "billing_period")

    def move_day(f: Any) -> None:
        f.set("account_assignments", 1, "end_date", "2024-03-17")
        f.set("account_assignments", 2, "start_date", "2024-03-17")

    assert changed_periods(files, move_day, membership_digest) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fingerprint")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_order_of_rows_and_columns_never_matters(
    new_files: Callable[[Path], Any], folder: Path, data: st.DataObject
) -> None:
    files = new_files(folder)
    before = files.read()
    for schema in FILES:
        files.rows[schema.name] = data.draw(st.permutations(files.rows[schema.name]))
        order = data.draw(st.permutations(range(len(files.headers[schema.name]))))
        files.headers[schema.name] = [files.headers[schema.name][position] for position in order]
        files.rows[schema.name] = [[row[position] for position in order] for row in files.rows[schema.name]]
    after = files.read()
    for month in (FEBRUARY, MARCH, APRIL):
        assert period_digest(after, month) == period_digest(before, month)
        assert membership_digest(after, month) == membership_digest(before, month)


@pytest.mark.parametrize("digest", [period_digest, membership_digest])
def test_a_period_is_a_first_of_month(files: Any, digest: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match="first day of its month"):
        digest(files.read(), date(2024, 3, 16))


def test_digests_are_sha_256(files: Any) -> None:
    configuration = files.read()
    assert len(period_digest(configuration, MARCH)) == 64
    assert period_digest(configuration, MARCH) != membership_digest(configuration, MARCH)
