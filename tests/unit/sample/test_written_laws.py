"""The laws real CUR obeys, checked on the written files: read back by DuckDB, compared to the last digit."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb

from orchestration.sample.expectations import Expectations


def _rows(lines: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return lines.execute(query).fetchall()


def test_every_line_item_type_appears(lines: duckdb.DuckDBPyConnection) -> None:
    # A charge type that the sample lacks is a rule no end-to-end test ever runs.
    assert {kind for (kind,) in _rows(lines, "select distinct kind from lines")} == {
        "Usage",
        "FlatRateSubscription",
        "DiscountedUsage",
        "SavingsPlanCoveredUsage",
        "SavingsPlanNegation",
        "RIFee",
        "SavingsPlanRecurringFee",
        "SavingsPlanUpfrontFee",
        "Fee",
        "BundledDiscount",
        "EdpDiscount",
        "PrivateRateDiscount",
        "RiVolumeDiscount",
        "Discount",
        "SppDiscount",
        "DistributorDiscount",
        "Credit",
        "Refund",
        "Tax",
    }


def test_special_rows_appear(lines: duckdb.DuckDBPyConnection) -> None:
    ((*counts,),) = _rows(
        lines,
        """
        select
            count(*) filter (kind = 'Fee' and lease <> ''),
            count(*) filter (kind = 'Fee' and entity = 'AWS Marketplace'),
            count(*) filter (kind = 'Usage' and entity = 'AWS Marketplace'),
            count(*) filter (kind = 'Refund' and entity = 'AWS Marketplace'),
            count(*) filter (kind = 'Usage' and product like 'AWS%Support%'),
            count(*) filter (kind = 'Fee' and product like 'AWS%Support%'),
            count(*) filter (usage_type like '%SpotUsage%' and coalesce(public_cost, 0) = 0),
            count(*) filter (kind = 'Usage' and cost = 0 and public_cost > 0),
            count(*) filter (kind = 'Usage' and cost > public_cost and public_cost > 0),
            count(*) filter (kind = 'Tax' and cost = 0),
            count(*) filter (operation = 'EKSPod-EC2' and parent <> ''),
            count(*) filter (operation = 'ECSTask-EC2' and parent <> ''),
            count(*) filter (start_at >= period + interval 1 month),
            count(*) filter (start_at < period),
            count(*) filter (account like '0%')
        from lines
        """,
    )
    assert all(counts), counts


def test_files_hold_what_was_booked(lines: duckdb.DuckDBPyConnection, expectations: Expectations) -> None:
    # The same numbers, once summed before any file existed and once from the files: doubles included.
    found = _rows(
        lines,
        """
        select
            strftime(period, '%Y-%m'),
            payer,
            count(*),
            count(*) filter (parent <> ''),
            sum(cost),
            sum(cost + coalesce(total_discount, 0)),
            count(*) filter (cost <> 0 and invoice_id = ''),
            coalesce(sum(cost) filter (invoice_id = ''), 0)
        from lines
        group by all
        order by all
        """,
    )
    assert found == [
        (
            item.billing_period,
            item.billing_account_id,
            item.row_count,
            item.split_cost_row_count,
            item.unblended_cost,
            item.aws_cost,
            item.open_row_count,
            item.open_cost,
        )
        for item in expectations.deliveries
        if item.is_current
    ]


def test_accounts_hold_what_was_booked(lines: duckdb.DuckDBPyConnection, expectations: Expectations) -> None:
    found = _rows(
        lines,
        """
        select strftime(period, '%Y-%m'), payer, account, sum(cost + coalesce(total_discount, 0))
        from lines
        group by all
        order by all
        """,
    )
    assert found == [
        (item.billing_period, item.billing_account_id, item.sub_account_id, item.aws_cost)
        for item in expectations.accounts
    ]


def test_the_books_sum_to_the_files(lines: duckdb.DuckDBPyConnection, expectations: Expectations) -> None:
    # X1 for the expectations themselves: groups and their taxes together are all AWS charged.
    ((total,),) = _rows(lines, "select sum(cost + coalesce(total_discount, 0)) from lines")
    assert total == sum(group.aws_cost + group.aws_tax for group in expectations.groups)
    assert total == sum(item.aws_cost for item in expectations.charge_types)
    # X2 likewise: rows and group-level charges are on exactly one line each.
    rows = sum(group.billed_cost + group.aws_tax_billed for group in expectations.groups)
    group_level = sum(charge.billed_cost for charge in expectations.group_charges)
    assert rows + group_level == sum(line.exact_amount_usd for line in expectations.lines)


def test_every_line_is_split_over_its_accounts(expectations: Expectations) -> None:
    # M6: a customer who adds up his accounts must find his invoice.
    parts: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for item in expectations.line_accounts:
        key = (item.billing_period, item.billing_group_id, item.line_kind, item.source_id, item.service_code)
        parts[key] += item.net_amount
    assert parts == {
        (line.billing_period, line.billing_group_id, line.line_kind, line.source_id, line.service_code): line.net_amount
        for line in expectations.lines
        if line.net_amount
    }
    assert len(expectations.line_accounts) > 1.2 * len(expectations.lines)


def test_shared_cost_leaves_one_account_and_reaches_the_groups(expectations: Expectations) -> None:
    # G1: to the last 1e-10, whether the account was in no group (August) or in one.
    taken: dict[str, Decimal] = defaultdict(Decimal)
    groups = set()
    for group in expectations.groups:
        if "shared_cost" in group.withheld_by_reason:
            taken[group.billing_period] += group.withheld_by_reason["shared_cost"]
            groups.add(group.billing_group_id)
    given: dict[str, Decimal] = defaultdict(Decimal)
    for charge in expectations.group_charges:
        if charge.source_id in ("shared-platform", "shared-monitoring"):
            given[charge.billing_period] += charge.billed_cost
    assert taken == given
    assert groups == {"UNASSIGNED", "brightwater-internal"}


def test_commitments_cost_what_was_used_and_what_was_not(
    lines: duckdb.DuckDBPyConnection, expectations: Expectations
) -> None:
    # RS6 on the written files: cost from the fee rows, used and list value from the covered rows.
    rows = _rows(
        lines,
        """
        select
            strftime(period, '%Y-%m'),
            lease || plan,
            sum(case when kind = 'RIFee' then cost + lease_amortized else coalesce(plan_total, 0) end),
            sum(case
                when kind = 'DiscountedUsage' then lease_effective
                when kind = 'SavingsPlanCoveredUsage' then plan_effective
                else 0
            end),
            sum(if(kind in ('DiscountedUsage', 'SavingsPlanCoveredUsage'), public_cost, 0))
        from lines
        where lease || plan <> ''
        group by all
        order by all
        """,
    )
    assert rows == [
        (item.billing_period, item.commitment_id, item.cost, item.used, item.list_value)
        for item in expectations.commitments
    ]
    for item in expectations.commitments:
        assert item.cost == item.used + item.unused
        assert item.savings == item.list_value - item.cost
    assert min(item.savings for item in expectations.commitments if "403118759226" in item.commitment_id) < 0


def test_instance_hours_are_normalised(lines: duckdb.DuckDBPyConnection) -> None:
    # G1b spreads by these; sizes without a factor and spot must be there to be counted right.
    rows = _rows(
        lines,
        """
        select regexp_extract(usage_type, '([A-Za-z]+)(:|$)', 1) as kind,
            count(*) filter (coalesce(factor, 0) = 0), count(*) filter (normalized <> amount * factor), count(*)
        from lines
        where operation in ('RunInstances', 'RunInstances:SV001', 'CreateDBInstance:0002', 'ESDomain')
            and kind in ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage') and usage_type like '%:%'
        group by all
        order by all
        """,
    )
    counts = {kind: (missing, wrong, total) for kind, missing, wrong, total in rows}
    assert counts.keys() == {"BoxUsage", "InstanceUsage", "SpotUsage", "ESInstance"}
    assert counts["ESInstance"][0] == counts["ESInstance"][2] > 600
    assert all(missing == 0 for kind, (missing, _, _) in counts.items() if kind != "ESInstance")
    assert all(wrong == 0 for _, wrong, _ in counts.values())


def test_cost_is_rate_times_amount(lines: duckdb.DuckDBPyConnection) -> None:
    assert not _rows(
        lines,
        """
        select * from lines
        where kind not like '%Discount'
            and abs(cast(rate as decimal(18, 10)) * cast(amount as decimal(18, 10)) - cost) > 0.00000000005
        """,
    )


def test_lines_are_unique_by_id_and_interval(lines: duckdb.DuckDBPyConnection) -> None:
    assert not _rows(lines, "select payer, period, id, interval from lines group by all having count(*) > 1")
    # ... and, as in real files, the id alone repeats over the hours.
    ((ids, count),) = _rows(lines, "select count(distinct id), count(*) from lines")
    assert ids < count / 10


def test_leases_balance(lines: duckdb.DuckDBPyConnection) -> None:
    # Used + unused = recurring + amortised, per lease and month, exactly; else RS3 bills the wrong rest.
    rows = _rows(
        lines,
        """
        select
            lease,
            period,
            coalesce(sum(lease_effective) filter (kind = 'DiscountedUsage'), 0)
            + sum(lease_unused_fee + lease_unused_upfront) filter (kind = 'RIFee') as used_and_unused,
            sum(cost + lease_amortized) filter (kind = 'RIFee') as paid,
            count(*) filter (kind = 'RIFee') as fee_rows,
            sum(lease_unused_fee) filter (kind = 'RIFee') as unused
        from lines
        where lease <> ''
        group by all
        """,
    )
    assert len(rows) == 3 * 3 + 2 * 3 + 1
    assert [row for row in rows if row[2] != row[3] or row[4] != 1] == []
    assert any(row[5] > 0 for row in rows)


def test_savings_plans_balance(lines: duckdb.DuckDBPyConnection) -> None:
    # Per plan and hour: covered and negated cancel, and what is used is what the fee row says is used.
    rows = _rows(
        lines,
        """
        select
            plan,
            start_at,
            coalesce(sum(cost) filter (kind like 'SavingsPlan%' and kind not like '%Fee'), 0) as left_over,
            coalesce(sum(plan_effective) filter (kind = 'SavingsPlanCoveredUsage'), 0) as effective,
            sum(plan_used) as used,
            sum(plan_total) as total
        from lines
        where plan <> '' and kind <> 'SavingsPlanUpfrontFee'
        group by all
        """,
    )
    assert len(rows) > 3 * 24 * 92
    assert [row for row in rows if row[2] != 0 or row[3] != row[4] or row[4] > row[5]] == []
    # Unused commitment has to exist, or the unused part of RS3 is never billed.
    assert any(row[4] < row[5] for row in rows)


def test_covered_usage_lists_at_its_public_price(lines: duckdb.DuckDBPyConnection) -> None:
    assert not _rows(
        lines,
        """
        select * from lines
        where (kind = 'SavingsPlanCoveredUsage' and public_cost <> cost)
            or (kind = 'DiscountedUsage' and (cost <> 0 or public_cost <= 0))
        """,
    )


def test_commitments_are_used_by_their_owner_and_by_others(lines: duckdb.DuckDBPyConnection) -> None:
    # RS2 tells these apart by the account in the ARN; a sample of owners alone would prove half of it.
    rows = _rows(
        lines,
        """
        select lease || plan as arn, count(*) filter (arn like '%:' || account || ':%'), count(*)
        from lines
        where kind in ('DiscountedUsage', 'SavingsPlanCoveredUsage')
        group by all
        """,
    )
    assert len(rows) == 11
    assert sum(own > 0 for _, own, _ in rows) >= 6
    assert sum(own < all_rows for _, own, all_rows in rows) >= 6


def test_discount_columns_add_up(lines: duckdb.DuckDBPyConnection, expectations: Expectations) -> None:
    # C2: net - unblended is the discount, the map names its parts, and no discount rows stand beside them.
    ((count, *discounted),) = _rows(
        lines,
        """
        select
            count(*),
            count(*) filter (total_discount < 0),
            count(*) filter (bundled_discount < 0),
            count(*) filter (map_contains(discount, 'spp_discount')),
            count(*) filter (map_contains(discount, 'distributor_discount')),
            count(*) filter (total_discount is null and net_cost = 0 and cost <> 0),
            count(*) filter (net_cost is null and cost <> 0)
        from lines
        where discount is not null
        """,
    )
    assert count == sum(item.row_count for item in expectations.deliveries if item.discount_mode == "columns")
    assert all(discounted), discounted
    assert not _rows(
        lines,
        """
        with parts as (
            select
                *,
                [cast(part as decimal(22, 10)) for part in map_values(discount)] as named,
                coalesce(cast(discount['bundled_discount'] as decimal(22, 10)), 0) as named_bundled,
                coalesce(total_discount, 0) as total
            from lines
            where discount is not null
        )
        select * from parts
        where coalesce(list_sum(named), 0) <> total
            or total > 0
            or kind like '%Discount'
            or (total <> 0 and net_cost <> cost + total)
            or (total = 0 and net_cost not in (cost, 0))
            or coalesce(bundled_discount, 0) <> named_bundled
        """,
    )


def test_discount_rows_are_a_percentage_of_what_they_discount(lines: duckdb.DuckDBPyConnection) -> None:
    # Row mode, payer 1: enterprise discount 5.5 % by account, SKU and day; each source row rounds to 1e-10.
    rows = _rows(
        lines,
        """
        with sums as (
            select
                account, product, usage_type, operation, cast(start_at as date) as day,
                sum(cost) filter (kind = 'EdpDiscount') as discount,
                sum(cost) filter (
                    kind in ('Usage', 'FlatRateSubscription', 'RIFee', 'SavingsPlanRecurringFee')
                ) as charges,
                count(*) as row_count
            from lines
            where payer = '318204765091'
            group by all
        )
        select abs(charges * 0.055 + discount) <= row_count * 0.00000000005
        from sums
        where discount is not null
        """,
    )
    assert len(rows) > 1000
    assert all(holds for (holds,) in rows)


def test_tax_is_net_charges_rounded_to_cents(lines: duckdb.DuckDBPyConnection) -> None:
    rates = {"338470915526": Decimal("0.19"), "582073649910": Decimal("0.10"), "739182640557": Decimal(0)}
    rows = _rows(
        lines,
        f"""
        select
            period, account, product,
            coalesce(sum(cost + coalesce(total_discount, 0))
                filter (kind not in ('Tax', 'Credit', 'Refund')), 0) as charges,
            sum(cost) filter (kind = 'Tax') as tax
        from lines
        where parent = '' and account in {tuple(rates)}
        group by all
        """,
    )
    assert len(rows) > 40
    for _, account, _, charges, tax in rows:
        assert tax == (max(charges, Decimal(0)) * rates[account]).quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_split_cost_rows_repeat_their_parents_cost(lines: duckdb.DuckDBPyConnection) -> None:
    # C1: no cost of their own; per node and day they add up to the node's amortised cost.
    rows = _rows(
        lines,
        """
        with days as (
            select
                payer,
                if(parent <> '', parent, resource) as node,
                cast(start_at as date) as day,
                sum(split_cost + split_unused) filter (parent <> '') as split,
                sum(cost) filter (parent <> '') as own,
                sum(case kind
                    when 'DiscountedUsage' then lease_effective
                    when 'SavingsPlanCoveredUsage' then plan_effective
                    when 'Usage' then cost
                end) filter (parent = '') as node_cost
            from lines
            group by all
        )
        select split = node_cost and own = 0 from days where split is not null
        """,
    )
    assert len(rows) == 4 * (31 + 30 + 31)  # two nodes in each of two clusters
    assert all(holds for (holds,) in rows)


def test_only_the_newest_month_is_open(lines: duckdb.DuckDBPyConnection) -> None:
    assert _rows(lines, "select distinct strftime(period, '%Y-%m'), invoice_id = '' from lines order by 1") == [
        ("2026-08", False),
        ("2026-09", False),
        ("2026-10", True),
    ]
