"""What the queries answer, against numbers worked out by hand from the fixture's charges."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from publication_fixture import OCTOBER, SEPTEMBER, publish

from dashboards import queries
from dashboards.publication import Publication
from dashboards.queries import ChargeFilter, ChargeSort, Grouping

EVERYTHING = ChargeFilter(OCTOBER)


def test_headline_of_all_groups(publication: Publication) -> None:
    totals = queries.headline(publication, OCTOBER, None)
    assert totals is not None
    # 10,724.354872 + 2,519.985985 + 1,128.0097125; tax left out
    assert totals.billed_cost == Decimal("14372.3505695")
    assert totals.aws_cost == Decimal("13076.2361200001")
    assert totals.margin == Decimal("1296.1144494999")
    assert totals.margin_percentage == Decimal("9.02")
    assert totals.unassigned_aws_cost == Decimal("68.64")
    assert totals.unrated_aws_cost == Decimal("5.3000000001")
    assert totals.withheld_aws_cost == Decimal("-354.97")


def test_changes_are_to_the_calendar_month_before(publication: Publication) -> None:
    totals = queries.headline(publication, OCTOBER, "acme")
    assert totals is not None
    assert totals.previous_period == SEPTEMBER
    assert totals.billed_change == Decimal("974.941352")
    assert totals.billed_change_percentage == Decimal("10.00")
    assert totals.aws_change == Decimal("866.3833200001")
    first = queries.headline(publication, SEPTEMBER, "acme")
    assert first is not None
    assert (first.previous_period, first.billed_change, first.margin_points_change) == (None, None, None)


def test_a_gap_of_a_month_is_not_a_change(tmp_path: Path) -> None:
    # October beside August would be called growth of one month.
    path = tmp_path / "chargehouse.duckdb"
    publish(
        path,
        change="update marts.rpt_billing_group_summary set billing_period = date '2025-08-01' "
        "where billing_period = date '2025-09-01'",
    )
    totals = queries.headline(Publication.at(path), OCTOBER, None)
    assert totals is not None
    assert totals.previous_period is None
    assert totals.billed_change is None


def test_nothing_billed_before_gives_no_percentage(publication: Publication) -> None:
    totals = queries.headline(publication, OCTOBER, "UNASSIGNED")
    assert totals is not None
    assert totals.margin_percentage is None
    assert totals.billed_change_percentage is None
    assert totals.aws_change_percentage == Decimal("10.00")


def test_a_group_without_charges_has_no_headline(publication: Publication) -> None:
    assert queries.headline(publication, OCTOBER, "nobody") is None


def test_groups_add_up_to_the_headline(publication: Publication) -> None:
    totals = queries.headline(publication, OCTOBER, None)
    groups = queries.group_summaries(publication, OCTOBER, None)
    assert totals is not None
    assert [group.billing_group_id for group in groups] == ["acme", "bergmann", "hikari", "UNASSIGNED"]
    for column in ("billed_cost", "aws_cost", "margin", "withheld_aws_cost", "unrated_aws_cost"):
        assert sum(getattr(group, column) for group in groups) == getattr(totals, column)


def test_services_add_up_to_the_headline_however_few_are_listed(publication: Publication) -> None:
    totals = queries.headline(publication, OCTOBER, None)
    assert totals is not None
    for limit in (1, 3, 100):
        services = queries.service_totals(publication, OCTOBER, None, limit)
        assert sum(service.billed_cost for service in services) == totals.billed_cost
        assert sum(service.aws_cost for service in services) == totals.aws_cost
        assert len([service for service in services if service.service_code]) == min(limit, 6)
    # Lambda (free) and the Savings Plan fee (withheld) are not worth a bar, but their cost is not lost.
    assert services[-1].service_code is None
    assert services[-1].aws_cost == Decimal("286")


def test_months_end_with_the_chosen_one(publication: Publication) -> None:
    months = queries.month_totals(publication, OCTOBER, None)
    assert [(month.billing_period, month.is_final) for month in months] == [
        (SEPTEMBER, True),
        (OCTOBER, False),
    ]
    assert months[0].billed_cost == Decimal("13065.773245")
    assert [month.billing_period for month in queries.month_totals(publication, SEPTEMBER, None)] == [SEPTEMBER]


def test_invoices_and_their_views_tie(publication: Publication) -> None:
    for period in (SEPTEMBER, OCTOBER):
        for invoice in queries.invoices(publication, period, None):
            ties = queries.invoice_ties(publication, period, invoice.billing_group_id)
            lines = queries.invoice_lines(publication, period, invoice.billing_group_id)
            accounts = queries.invoice_accounts(publication, period, invoice.billing_group_id)
            parts = queries.invoice_line_accounts(publication, period, invoice.billing_group_id)
            assert sum(line.exact_amount_usd for line in lines) == ties.lines_exact_usd
            if invoice.total_amount is None:
                assert ties.lines_difference is None
                continue
            assert ties.lines_difference == ties.accounts_difference == 0
            assert sum(line.net_amount or 0 for line in lines) == invoice.total_amount
            assert sum(account.net_amount or 0 for account in accounts) == invoice.total_amount
            assert sum(part.net_amount or 0 for part in parts) == invoice.total_amount


def test_an_invoice_that_does_not_tie_is_found(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(path, change="update marts.fct_invoice_lines set net_amount = net_amount + 0.01 where line_number = 1")
    ties = queries.invoice_ties(Publication.at(path), OCTOBER, "acme")
    assert ties.lines_difference == Decimal("0.01")
    assert ties.accounts_difference == 0


def test_currencies_are_never_added_together(publication: Publication) -> None:
    totals = {total.currency: total for total in queries.invoice_totals(publication, SEPTEMBER, None)}
    assert totals["EUR"].total_amount == Decimal("1984.59")
    assert totals["USD"].total_amount == Decimal("9749.42")
    assert totals["JPY"].total_amount == Decimal("152025")
    october = {total.currency: total for total in queries.invoice_totals(publication, OCTOBER, None)}
    assert october["JPY"].total_amount is None
    assert october["JPY"].without_rate_count == 1


@pytest.mark.parametrize("grouping", [grouping for grouping in Grouping if grouping is not Grouping.NONE])
def test_every_grouping_adds_up_to_the_totals(publication: Publication, grouping: Grouping) -> None:
    totals = queries.charge_totals(publication, EVERYTHING)
    groups = queries.charge_groups(publication, EVERYTHING, grouping, ChargeSort.BILLED, 100)
    assert sum(group.charge_count for group in groups) == totals.charge_count == 22
    for column in ("list_cost", "aws_cost", "billed_cost"):
        assert sum(getattr(group, column) for group in groups) == getattr(totals, column)
    assert {group.group_count for group in groups} == {len(groups)}


def test_charge_totals_say_how_much_is_tax(publication: Publication) -> None:
    totals = queries.charge_totals(publication, EVERYTHING)
    headline = queries.headline(publication, OCTOBER, None)
    assert headline is not None
    assert totals.tax_aws_cost == Decimal("714.384")
    assert totals.tax_billed_cost == Decimal("41.987")
    assert totals.aws_cost - totals.tax_aws_cost == headline.aws_cost
    assert totals.billed_cost - totals.tax_billed_cost == headline.billed_cost


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (EVERYTHING, 22),
        (replace(EVERYTHING, group="acme"), 13),
        (replace(EVERYTHING, group="acme", services=("AmazonS3",)), 1),
        (replace(EVERYTHING, services=("AmazonS3", "AmazonRDS")), 5),
        (replace(EVERYTHING, accounts=("012345678901",)), 4),
        (replace(EVERYTHING, treatments=("unrated",)), 2),
        (replace(EVERYTHING, charge_types=("aws_tax", "aws_credit")), 3),
        (replace(EVERYTHING, search="TIMEDstorage"), 3),  # whatever its case
        (replace(EVERYTHING, search="  timedstorage "), 3),
        (replace(EVERYTHING, search="Werk Süd"), 4),  # account name
        (replace(EVERYTHING, search="acme-global-10"), 6),  # rule
        (replace(EVERYTHING, search="100%"), 0),  # no wildcards
        (replace(EVERYTHING, search="' or 1=1 --"), 0),  # bound, not pasted
        (replace(EVERYTHING, accounts=("') or 1=1 --",)), 0),
    ],
)
def test_filters(publication: Publication, chosen: ChargeFilter, count: int) -> None:
    assert queries.charge_totals(publication, chosen).charge_count == count
    assert len(queries.charges(publication, chosen, ChargeSort.BILLED, 100)) == count


def test_sorting_is_over_everything_not_over_what_is_shown(publication: Publication) -> None:
    top = queries.charges(publication, EVERYTHING, ChargeSort.AWS, 1)
    assert top[0].usage_type == "EU-BoxUsage:m5.large"
    assert top[0].aws_cost == Decimal("5293.86")
    names = queries.charge_groups(publication, EVERYTHING, Grouping.SERVICE, ChargeSort.NAME, 2)
    assert [group.name for group in names] == ["Amazon CloudFront", "Amazon Elastic Compute Cloud"]


def test_marts_without_account_names_can_be_read(tmp_path: Path) -> None:
    # Legacy reports know no account names, so the mart may lack the column.
    path = tmp_path / "chargehouse.duckdb"
    publish(path, change="alter table marts.dim_accounts drop column account_name")
    publication = Publication.at(path)
    assert queries.charge_totals(publication, EVERYTHING).charge_count == 22
    assert {account.account_name for account in queries.invoice_accounts(publication, OCTOBER, "acme")} == {""}
    assert all(
        not option.name for option in queries.charge_options(publication, OCTOBER, None) if option.kind == "account"
    )


def test_marts_may_have_more_columns(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(
        path,
        change="""
            alter table marts.fct_charges add column account_name varchar;
            alter table marts.fct_charges add column billing_group_name varchar;
            alter table marts.rpt_billing_group_summary add column is_final boolean
        """,
    )
    publication = Publication.at(path)
    assert queries.charges(publication, EVERYTHING, ChargeSort.BILLED, 1)[0].account_name == "Acme production"
    assert len(queries.month_totals(publication, OCTOBER, None)) == 2


def test_problems_of_a_payer_show_for_every_group(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(
        path,
        change="insert into marts.fct_open_problems values "
        "(date '2025-10-01', null, '111122223333', 'not_final', '111122223333', 'whole payer', 1, 1.5)",
    )
    publication = Publication.at(path)
    acme = queries.problem_totals(publication, OCTOBER, "acme")
    assert {(total.problem, total.problem_count, total.aws_cost) for total in acme} == {
        ("not_final", 2, Decimal("319.94")),
        ("unknown_type", 1, Decimal("4.2000000001")),
    }
    assert len(queries.open_problems(publication, OCTOBER, "acme")) == 3


def test_deliveries_that_were_never_read_have_no_numbers(publication: Publication) -> None:
    found = queries.deliveries(publication, OCTOBER)
    assert [delivery.status for delivery in found] == [
        "rejected",
        "current",
        "current",
        "superseded",
        "superseded",
    ]
    never_read = [delivery for delivery in found if delivery.row_count is None]
    assert {delivery.delivery_id for delivery in never_read} == {"20251103T050100Z", "20251015T041500Z"}
    assert all(delivery.unblended_cost is None for delivery in never_read)
    assert len(queries.deliveries(publication, None)) == 7


def test_reconciliation_begins_with_what_aws_delivered(publication: Publication) -> None:
    stages = queries.reconciliation(publication, OCTOBER)
    assert [stage.stage for stage in stages] == ["raw", "billed", "withheld", "unrated"] * 2
    assert [stage.amount for stage in stages[:4]] == [
        Decimal("2558.6913"), Decimal("2667.5913"), Decimal("-110"), Decimal("1.1"),
    ]  # fmt: skip
