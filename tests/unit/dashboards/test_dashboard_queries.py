"""What the queries answer, against numbers worked out by hand from the fixture's charges."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from publication_fixture import OCTOBER, SEPTEMBER, publish

from dashboards import queries
from dashboards.publication import Publication
from dashboards.queries import ChargeFilter, ChargeSort, CommitmentSort, Grouping

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


def test_services_and_group_charges_add_up_to_the_headline(group_charges: Publication) -> None:
    # Without them the picture of a month would stop short of what is billed.
    for group in (None, "acme", "bergmann", "hikari"):
        totals = queries.headline(group_charges, OCTOBER, group)
        assert totals is not None
        assert totals.rated_charges + totals.group_charges == totals.billed_cost
        for limit in (1, 100):
            services = queries.service_totals(group_charges, OCTOBER, group, limit)
            assert sum(service.billed_cost for service in services) == totals.billed_cost
            assert sum(service.aws_cost for service in services) == totals.aws_cost
    acme = queries.service_totals(group_charges, OCTOBER, "acme", 1)
    # 809.7311136727 + 100 - 112; 1,152.20859856727 - 250 - 55.675125; 600 + 300; a minimum that is met is no bar
    assert [(part.group_charge_kind, part.billed_cost) for part in acme if part.group_charge_kind] == [
        ("shared_cost", Decimal("797.7311136727")),
        ("custom_line_item", Decimal("846.53347356727")),
        ("support", Decimal("900")),
    ]


def test_group_charges_say_what_their_base_is(group_charges: Publication) -> None:
    found = {
        (charge.source_id, charge.service_code): charge
        for group in ("acme", "bergmann", "hikari")
        for charge in queries.group_charges(group_charges, OCTOBER, group)
    }
    assert found["managed", ""].base_of == "all"
    assert found["databases", ""].base_of == "selected"
    assert found["care", "AmazonEC2"].base_of == "service"
    assert found["care", ""].base_of == "rest"
    acme = {charge.source_id: charge for charge in queries.group_charges(group_charges, OCTOBER, "acme")}
    # 10,724.354872 of 13,244.340857; two accounts with 3,000 and 1,000 of 5,000 hours
    assert acme["shared-tools"].share_percentage == Decimal("80.97")
    assert acme["plan-savings"].share_percentage == Decimal("80.00")
    assert (acme["plan-savings"].base_amount, acme["plan-savings"].billed_cost) == (140, -112)
    assert (acme["business"].base_amount, acme["business"].billed_cost) == (9000, 900)


def test_a_base_without_shared_costs_is_rated_charges(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(
        path,
        group_charges=True,
        change="delete from marts.fct_group_charges where kind = 'shared_cost'; "
        "update marts.fct_group_charges set base_amount = 10724.354872 where source_id = 'managed'",
    )
    acme = {charge.source_id: charge for charge in queries.group_charges(Publication.at(path), OCTOBER, "acme")}
    assert acme["managed"].base_of == "rated"


def test_savings_of_several_accounts_and_commitments_are_added(tmp_path: Path) -> None:
    # NORMALIZED_HOURS repeats a commitment's savings on every account; EXACT_SAVINGS has each account's own.
    row = (
        "date '2025-10-01', 'hikari', 'shared_cost', 'savings', '{}', '', '{}', 'Savings', '{}', {}, null, {}, {}, "
        "false, null, {}"
    )
    rows = {
        "NORMALIZED_HOURS": [
            ("1", "a", "70", "10", "40", "-17.5"), ("2", "a", "70", "20", "40", "-35"),
            ("1", "b", "30", "10", "40", "-7.5"), ("2", "b", "30", "20", "40", "-15"),
        ],
        "EXACT_SAVINGS": [
            ("1", "reservation", "5", "null", "null", "-5"), ("2", "reservation", "6.5", "null", "null", "-6.5"),
            ("1", "savings_plan", "7", "null", "null", "-7"),
        ],
    }  # fmt: skip
    expected = {"NORMALIZED_HOURS": ("100", "-75", "75.00"), "EXACT_SAVINGS": ("18.5", "-18.5", None)}
    for method, parts in rows.items():
        values = ", ".join(
            f"({row.format(account, part, method, base, weight, total, billed)})"
            for account, part, base, weight, total, billed in parts
        )
        path = tmp_path / f"{method}.duckdb"
        publish(path, change=f"insert into marts.fct_group_charges values {values}")
        (charge,) = queries.group_charges(Publication.at(path), OCTOBER, "hikari")
        base, billed, share = expected[method]
        assert (charge.base_amount, charge.billed_cost) == (Decimal(base), Decimal(billed))
        assert charge.share_percentage == (None if share is None else Decimal(share))
        assert len(queries.group_charge_parts(Publication.at(path), OCTOBER, "hikari")) == len(parts)


def test_commitments_of_all_groups(publication: Publication) -> None:
    totals = queries.commitment_totals(publication, OCTOBER, None)
    # 260 + 120.5 + 90.1234567891 + 12; 380.3734567891 of 482.6234567891 used
    assert (totals.commitment_count, totals.own_count) == (4, 4)
    assert totals.cost == Decimal("482.6234567891")
    assert totals.used_cost == Decimal("380.3734567891")
    assert totals.unused_cost == Decimal("102.25")
    assert totals.utilization_percentage == Decimal("78.81")
    assert totals.savings == Decimal("137.3765432109")
    assert totals.benefit is None
    found = queries.commitments(publication, OCTOBER, None, CommitmentSort.COST, 100)
    for column in ("cost", "used_cost", "unused_cost", "list_value", "savings"):
        assert sum(getattr(row, column) for row in found) == getattr(totals, column)


def test_commitments_of_a_group_are_its_own_and_those_it_used(publication: Publication) -> None:
    totals = queries.commitment_totals(publication, OCTOBER, "acme")
    assert (totals.commitment_count, totals.own_count) == (2, 1)
    assert (totals.cost, totals.other_cost) == (Decimal(260), Decimal("90.1234567891"))
    assert (totals.utilization_percentage, totals.other_utilization_percentage) == (Decimal("96.15"), Decimal(100))
    assert totals.benefit == 140  # 100 by its own, 40 by the payer's
    found = queries.commitments(publication, OCTOBER, "acme", CommitmentSort.UNUSED, 100)
    assert [(row.is_own, row.owner_billing_group_id) for row in found] == [(True, "acme"), (False, "")]
    nobody = queries.commitment_totals(publication, SEPTEMBER, "bergmann")
    assert (nobody.commitment_count, nobody.cost, nobody.utilization_percentage) == (0, 0, None)


def test_a_commitment_without_an_owner_is_nobodys_own(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(path, change="update marts.fct_commitments set owner_billing_group_id = null where cost < 100")
    totals = queries.commitment_totals(Publication.at(path), OCTOBER, "acme")
    assert (totals.commitment_count, totals.own_count, totals.cost) == (2, 1, 260)


@pytest.mark.parametrize(
    ("sort", "owners"),
    [
        (CommitmentSort.UNUSED, ["bergmann", "hikari", "acme", ""]),
        (CommitmentSort.UTILIZATION, ["hikari", "bergmann", "acme", ""]),
        (CommitmentSort.SAVINGS, ["acme", "", "hikari", "bergmann"]),
        (CommitmentSort.COST, ["acme", "bergmann", "", "hikari"]),
        (CommitmentSort.NAME, ["", "bergmann", "hikari", "acme"]),
    ],
)
def test_commitments_are_sorted(publication: Publication, sort: CommitmentSort, owners: list[str]) -> None:
    found = queries.commitments(publication, OCTOBER, None, sort, 100)
    assert [row.owner_billing_group_id for row in found] == owners
    assert queries.commitments(publication, OCTOBER, None, sort, 2) == found[:2]


def test_benefits_are_list_value_less_used_cost(publication: Publication) -> None:
    # Whoever benefited: together it is what the covered usage cost less than at list price.
    benefits = queries.commitment_benefits(publication, OCTOBER)
    for row in queries.commitments(publication, OCTOBER, None, CommitmentSort.NAME, 100):
        of_commitment = [each.benefit for each in benefits if each.commitment_id == row.commitment_id]
        assert sum(of_commitment) == row.list_value - row.used_cost
        assert of_commitment == sorted(of_commitment, reverse=True)


def test_policies_stand_side_by_side_with_their_sum(publication: Publication) -> None:
    *groups, total = queries.commitment_policies(publication, OCTOBER, None)
    assert [(row.billing_group_id, row.applied) for row in groups] == [
        ("acme", "on_demand"), ("bergmann", "pass_through"), ("hikari", "owner_group"),
    ]  # fmt: skip
    assert groups[0].pass_through == Decimal("10574.231416")  # 10,724.354872 - 150.123456
    assert groups[0].pass_through_difference == Decimal("-150.123456")
    assert groups[1].pass_through == groups[1].rated_charges == Decimal("2519.985985")
    assert total.rated_charges == Decimal("14372.3505695")
    for policy in ("on_demand", "owner_group", "pass_through"):
        assert sum(getattr(row, policy) for row in groups) == getattr(total, policy)
        assert getattr(total, policy) - getattr(total, f"{policy}_difference") == total.rated_charges
    assert queries.commitment_policies(publication, OCTOBER, "UNASSIGNED") == ()


def test_problems_of_no_group_show_for_every_group(group_charges: Publication) -> None:
    kinds = {total.problem for total in queries.problem_totals(group_charges, OCTOBER, "acme")}
    assert kinds == {"not_final", "unknown_type", "split_equally"}
    subjects = {problem.subject for problem in queries.open_problems(group_charges, OCTOBER, "acme")}
    assert "audit" in subjects
    assert "sandbox" not in subjects


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
        "(date '2025-10-01', null, '111122223333', 'not_final', '111122223333', 'whole payer', 1, 1.5, 1.5, 'aws', '', "
        "'')",
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


def test_the_parts_of_the_margin_add_up_to_the_headline(group_charges: Publication) -> None:
    # X3
    for group in (None, "acme", "UNASSIGNED"):
        totals = queries.headline(group_charges, OCTOBER, group)
        parts = queries.margin_parts(group_charges, OCTOBER, group)
        assert totals is not None
        assert parts
        assert sum(part.amount for part in parts) == totals.margin
        assert [part.amount for part in parts] == sorted((part.amount for part in parts), reverse=True)


def test_credits_of_the_customer_lower_what_the_margin_is_a_part_of(tmp_path: Path) -> None:
    path = tmp_path / "chargehouse.duckdb"
    publish(
        path,
        change="update marts.rpt_billing_group_summary set billed_cost = 110, customer_credits = -10, margin = 25 "
        "where billing_group_id = 'acme' and billing_period = date '2025-10-01'",
    )
    totals = queries.headline(Publication.at(path), OCTOBER, "acme")
    assert totals is not None
    assert (totals.customer_credits, totals.margin_percentage) == (Decimal(-10), Decimal("25.00"))
