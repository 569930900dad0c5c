"""Real and independent deliveries, from landing to draft invoices."""

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.runs import run_new
from orchestration.settings import Workspace
from tests.integration.workspaces import Rows, copy_landing, write_billing

Query = Callable[[Workspace, str], Rows]

pytestmark = pytest.mark.slow


def test_real_cur_of_two_months(workshop: Workspace, published: Query, warehouse: Query) -> None:
    workspace = workshop
    assert published(
        workspace,
        "select billing_period::varchar, row_count, aws_cost from marts.dim_billing_periods order by 1",
    ) == [
        ("2018-10-01", 119_307, Decimal("4064.4831315379")),
        ("2018-11-01", 124_340, Decimal("3505.3269681268")),
    ]
    assert published(workspace, "select distinct residual from marts.fct_reconciliation") == [(Decimal(0),)]
    # A leading zero lost would send this account to nobody.
    assert published(
        workspace,
        "select distinct billing_group_id from marts.fct_charges where sub_account_id = '011254002932'",
    ) == [("two",)]
    columns = {
        name
        for (name,) in warehouse(
            workspace,
            "select column_name from information_schema.columns where table_schema = 'raw' "
            "and table_name = 'cur_line_items'",
        )
    }
    # Columns of one month only: October alone has these product columns, November alone that tag.
    assert {"product_database_engine", "resource_tags_user_tag21_nov", "product_category"} <= columns
    _assert_commitments(workspace, published, warehouse)


def _assert_commitments(workspace: Workspace, published: Query, warehouse: Query) -> None:
    """RS6: nine leases a month balance, and three sums over the raw rows are the month under each policy."""
    leases = published(
        workspace,
        "select billing_period::varchar, count(*), count(*) filter (where abs(balance) < 0.000005), "
        "min(owner_account_id), min(commitment_kind) from marts.fct_commitments group by 1 order by 1",
    )
    assert leases == [(period, 9, 9, "836060457634", "reservation") for period in ("2018-10-01", "2018-11-01")]

    # Group one: everything at list price + 10 %, free tier passed on, fees as they are. All leases are its own, and
    # group two is the one member account.
    by_hand = warehouse(
        workspace,
        """
        with rows as (
            select
                bill_billing_period_start_date::date::varchar as period,
                case when line_item_usage_account_id = '011254002932' then 'two' else 'one' end as billing_group_id,
                line_item_line_item_type as type,
                case
                    when pricing_public_on_demand_cost = 0 then line_item_unblended_cost
                    when line_item_unblended_cost = 0 and type = 'Usage' and billing_group_id = 'one' then 0
                    else pricing_public_on_demand_cost
                end as list_cost,
                reservation_effective_cost as effective_cost,
                reservation_unused_recurring_fee
                + reservation_unused_amortized_upfront_fee_for_billing_period as unused,
                line_item_unblended_cost as fee
            from raw.cur_line_items
        )

        select
            period,
            billing_group_id,
            coalesce(sum(list_cost * 1.1) filter (where type <> 'RIFee'), 0) as on_demand,
            coalesce(sum(list_cost * 1.1) filter (where type = 'Usage'), 0)
            + coalesce(
                case billing_group_id
                    when 'one' then sum(fee) filter (where type = 'RIFee')
                    else sum(list_cost * 1.1) filter (where type = 'DiscountedUsage')
                end, 0
            ) as owner_group,
            coalesce(sum(list_cost * 1.1) filter (where type = 'Usage'), 0)
            + coalesce(sum(effective_cost) filter (where type = 'DiscountedUsage'), 0)
            + coalesce(sum(unused) filter (where type = 'RIFee'), 0) as pass_through
        from rows
        group by period, billing_group_id
        order by all
        """,
    )
    assert by_hand == published(
        workspace,
        "select billing_period::varchar, billing_group_id, "
        "any_value(billed_cost) filter (where policy = 'on_demand'), "
        "any_value(billed_cost) filter (where policy = 'owner_group'), "
        "any_value(billed_cost) filter (where policy = 'pass_through') "
        "from marts.fct_commitment_policies group by 1, 2 order by 1, 2",
    )


def test_create_new_layout_follows_the_pointer(
    samples: Path, workspace: Workspace, published: Query, warehouse: Query
) -> None:
    copy_landing(samples / "nise-2024", workspace)
    accounts = _accounts(workspace)
    write_billing(workspace, payer=accounts[0], member=accounts[-1])

    run_new(workspace)

    deliveries = published(
        workspace, "select status, row_count, unblended_cost from marts.dim_deliveries order by status"
    )
    assert ("current", 9_876, Decimal("1107.6407917909")) in deliveries
    assert [status for status, *_ in deliveries].count("superseded") == 2
    assert published(workspace, "select sum(row_count), sum(aws_cost) from marts.fct_charges") == [
        (9_876, Decimal("1107.6407917909"))
    ]
    # DiscountedUsage rows carry text as their public price: they are set aside, not lost and not billed.
    quarantined = published(
        workspace,
        "select treatment_reason, line_item_type, sum(row_count), sum(aws_cost), sum(billed_cost) "
        "from marts.fct_charges where treatment = 'unrated' group by all",
    )
    assert [row[:2] for row in quarantined] == [("bad_value:pricing_public_on_demand_cost", "DiscountedUsage")]
    text_prices = warehouse(
        workspace,
        "select count(*), sum(line_item_unblended_cost) from raw.cur_line_items where bad_values is not null",
    )
    assert quarantined[0][2:4] == text_prices[0]
    assert quarantined[0][4] == 0

    current = warehouse(workspace, "select delivery_id from raw.deliveries where status = 'current'")[0][0]
    for path in workspace.landing.rglob(current):
        shutil.rmtree(path)
    next(workspace.landing.rglob("20240101-20240201/cur-hourly-Manifest.json")).unlink()
    run_new(workspace)

    assert published(
        workspace, "select row_count, unblended_cost from marts.dim_deliveries where status = 'current'"
    ) == [(9_876, Decimal("1107.6407917909"))]
    assert warehouse(workspace, "select delivery_id from raw.deliveries where status = 'current'")[0][0] != current


def _accounts(workspace: Workspace) -> list[str]:
    import csv
    import gzip

    accounts: list[str] = []
    for part in sorted(workspace.landing.rglob("*.csv.gz")):
        with gzip.open(part, "rt", encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                for column in ("bill/PayerAccountId", "lineItem/UsageAccountId"):
                    if row[column] not in accounts:
                        accounts.append(row[column])
    return accounts


_DELIVERED = (
    "select strftime(billing_period, '%Y-%m'), payer_account_id, status, row_count, form from marts.dim_deliveries "
    "order by all"
)
_CHARGED = (
    "select strftime(billing_period, '%Y-%m'), billing_account_id, sum(row_count) from marts.fct_charges "
    "group by all order by all"
)


def test_zip_and_cur_2_by_their_manifests(samples: Path, workspace: Workspace, published: Query) -> None:
    for form in ("cur_1_0", "cur_2_0"):
        copy_landing(samples / "keboola" / form, workspace)
    # The same data as plain files, which no manifest lists.
    for plain in workspace.landing.glob("*/sample_billing_data.csv"):
        plain.unlink()
    write_billing(workspace, payer="123456789012", member="210987654321")

    run_new(workspace)

    assert published(workspace, _DELIVERED) == [
        ("2024-01", "123456789012", "current", 3, "legacy_cur_csv"),
        ("2024-09", "123456789012", "current", 4, "cur2_csv"),
    ]
    assert published(workspace, _CHARGED) == [("2024-01", "123456789012", 3), ("2024-09", "123456789012", 4)]
    assert published(workspace, "select distinct residual from marts.fct_reconciliation") == [(Decimal(0),)]


def test_plain_files_through_load(
    samples: Path, workspace: Workspace, published: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(workspace.root))
    plain = samples / "keboola" / "cur_2_0" / "sample_billing_data.csv"
    for file in (
        samples / "focus-converters-2023" / "sample-anonymous-aws-export-dataset.csv",
        samples / "keboola/cur_1_0/s3_structure/mock-cur-bucket/20240101-20240131/MockTestReport-00001.csv.zip",
        plain,
    ):
        loaded = CliRunner().invoke(main, ["load", str(file)])
        assert loaded.exit_code == 0, loaded.output
    write_billing(workspace, payer="123456789012", member="210987654321")
    payers = workspace.billing / "payers.csv"
    payers.write_text(f"{payers.read_text(encoding='utf-8')}123412340534,Other payer,\n", encoding="utf-8")

    run_new(workspace)

    expected = [
        ("2023-11", "123412340534", 1_281),
        ("2024-01", "123456789012", 3),
        ("2024-09", "123456789012", len(plain.read_text(encoding="utf-8").splitlines()) - 1),
    ]
    assert [(*row[:2], row[3]) for row in published(workspace, _DELIVERED)] == expected
    assert {row[2] for row in published(workspace, _DELIVERED)} == {"current"}
    assert published(workspace, _CHARGED) == expected
    assert published(workspace, "select distinct residual from marts.fct_reconciliation") == [(Decimal(0),)]
