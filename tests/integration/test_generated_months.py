"""The sample months against the generator's own books, which know neither our files nor our SQL."""

import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from orchestration.explaining.explanation import explain
from orchestration.explaining.lookup import find_line
from orchestration.explaining.rows import line_rows
from orchestration.issuing import desk
from orchestration.reconciliation.restatement import compare_deliveries
from orchestration.runs import run_new
from orchestration.sample.expectations import Expectations
from orchestration.sample.install import install_sample
from orchestration.settings import Workspace
from tests.customer_view import customer_texts, leaks
from tests.integration.workspaces import Rows, built_sample

Query = Callable[[Workspace, str], Rows]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[7, 23], ids=["seed 7", "seed 23"])
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Expectations]:
    if request.param == 7:
        return built_sample(tmp_path_factory, tmp_path_factory.mktemp("sample") / "workspace")
    workspace = Workspace.at(tmp_path_factory.mktemp("sample"))
    expectations = install_sample(workspace.root, seed=request.param)
    run_new(workspace)
    return workspace, expectations


Sample = tuple[Workspace, Expectations]


def test_deliveries(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        """
        select strftime(billing_period, '%Y-%m'), payer_account_id, form, discount_mode, row_count,
            split_cost_row_count, unblended_cost,
            case when discount_mode = 'columns' then net_unblended_cost else unblended_cost end,
            open_row_count, open_cost
        from marts.dim_deliveries where status = 'current' order by 1, 2
        """,
    ) == [
        (
            row.billing_period,
            row.billing_account_id,
            row.form,
            row.discount_mode,
            row.row_count,
            row.split_cost_row_count,
            row.unblended_cost,
            row.aws_cost,
            row.open_row_count,
            row.open_cost,
        )
        for row in sorted(expected.deliveries, key=lambda row: (row.billing_period, row.billing_account_id))
        if row.is_current
    ]


def test_groups(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        """
        select strftime(billing_period, '%Y-%m'), billing_group_id,
            sum(case when charge_type <> 'aws_tax' then list_cost else 0 end),
            sum(case when charge_type <> 'aws_tax' then aws_cost else 0 end),
            sum(case when charge_type <> 'aws_tax' then billed_cost else 0 end),
            sum(case when charge_type <> 'aws_tax' and treatment = 'withheld' then aws_cost else 0 end),
            sum(case when charge_type = 'aws_tax' then aws_cost else 0 end),
            sum(case when charge_type = 'aws_tax' then billed_cost else 0 end)
        from marts.fct_charges group by all order by 1, 2
        """,
    ) == [
        (
            row.billing_period,
            row.billing_group_id,
            row.list_cost,
            row.aws_cost,
            row.billed_cost,
            row.withheld_aws_cost,
            row.aws_tax,
            row.aws_tax_billed,
        )
        for row in expected.groups
    ]


def test_withheld_money_by_reason(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    found: dict[tuple[Any, ...], Decimal] = {
        (period, group, reason): amount
        for period, group, reason, amount in published(
            workspace,
            "select strftime(billing_period, '%Y-%m'), billing_group_id, treatment_reason, sum(aws_cost) "
            "from marts.fct_charges where treatment = 'withheld' and charge_type <> 'aws_tax' "
            "group by all having sum(aws_cost) <> 0",
        )
    }
    assert found == {
        (row.billing_period, row.billing_group_id, reason): amount
        for row in expected.groups
        for reason, amount in row.withheld_by_reason.items()
        if amount
    }


def test_charge_types(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        """
        select strftime(billing_period, '%Y-%m'), billing_group_id, charge_type, sum(list_cost), sum(aws_cost),
            sum(billed_cost), sum(case when treatment = 'withheld' then aws_cost else 0 end)
        from marts.fct_charges group by all order by 1, 2, 3
        """,
    ) == sorted(
        (
            row.billing_period,
            row.billing_group_id,
            row.charge_type,
            row.list_cost,
            row.aws_cost,
            row.billed_cost,
            row.withheld_aws_cost,
        )
        for row in expected.charge_types
    )


def test_accounts(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        "select strftime(billing_period, '%Y-%m'), billing_account_id, sub_account_id, sum(aws_cost) "
        "from marts.fct_charges group by all order by 1, 2, 3",
    ) == [
        (row.billing_period, row.billing_account_id, row.sub_account_id, row.aws_cost)
        for row in sorted(
            expected.accounts,
            key=lambda row: (row.billing_period, row.billing_account_id, row.sub_account_id),
        )
    ]


def test_invoice_lines(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        "select strftime(billing_period, '%Y-%m'), billing_group_id, line_kind, source_id, service_code, "
        "exact_amount_usd, currency, fx_rate, net_amount, credit_amount, tax_category, tax_rate "
        "from marts.fct_invoice_lines order by 1, 2, 3, 4, 5",
    ) == sorted(
        (
            row.billing_period,
            row.billing_group_id,
            row.line_kind,
            row.source_id,
            row.service_code,
            row.exact_amount_usd,
            row.currency,
            row.fx_rate,
            row.net_amount,
            row.credit_amount,
            row.tax_category,
            row.tax_rate,
        )
        for row in expected.lines
    )


def test_invoice_lines_by_account(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        """
        select strftime(accounts.billing_period, '%Y-%m'), accounts.billing_group_id, lines.line_kind, lines.source_id,
            lines.service_code, accounts.sub_account_id, accounts.net_amount, accounts.credit_amount,
            accounts.tax_category, accounts.tax_rate
        from marts.fct_invoice_line_accounts as accounts
        inner join marts.fct_invoice_lines as lines
            using (billing_period, billing_group_id, invoice_line_key)
        where accounts.net_amount <> 0
        order by all
        """,
    ) == sorted(
        (
            row.billing_period,
            row.billing_group_id,
            row.line_kind,
            row.source_id,
            row.service_code,
            row.sub_account_id,
            row.net_amount,
            row.credit_amount,
            row.tax_category,
            row.tax_rate,
        )
        for row in expected.line_accounts
    )


def test_invoice_lines_by_tax_category(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        """
        select strftime(taxes.billing_period, '%Y-%m'), taxes.billing_group_id, lines.line_kind, lines.source_id,
            lines.service_code, taxes.tax_category, taxes.tax_rate, taxes.net_amount, taxes.credit_amount
        from marts.fct_invoice_line_taxes as taxes
        inner join marts.fct_invoice_lines as lines
            using (billing_period, billing_group_id, invoice_line_key)
        where taxes.net_amount is not null
        order by all
        """,
    ) == sorted(
        (
            row.billing_period,
            row.billing_group_id,
            row.line_kind,
            row.source_id,
            row.service_code,
            row.tax_category,
            row.tax_rate,
            row.net_amount,
            row.credit_amount,
        )
        for row in expected.line_taxes
    )


def test_taxes(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        "select strftime(billing_period, '%Y-%m'), billing_group_id, tax_category, tax_rate, taxable_amount, "
        "tax_amount from marts.fct_invoice_taxes order by all",
    ) == sorted(
        (
            row.billing_period,
            row.billing_group_id,
            row.tax_category,
            row.tax_rate,
            row.taxable_amount,
            row.tax_amount,
        )
        for row in expected.taxes
    )


def test_credit_draws(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        """
        select ledger.credit_id, strftime(ledger.billing_period, '%Y-%m'), ledger.billing_group_id, lines.line_kind,
            lines.source_id, lines.service_code, ledger.sub_account_id, ledger.amount
        from marts.fct_credit_ledger as ledger
        inner join marts.fct_invoice_lines as lines
            using (billing_period, billing_group_id, invoice_line_key)
        order by all
        """,
    ) == sorted(
        (
            row.credit_id,
            row.billing_period,
            row.billing_group_id,
            row.line_kind,
            row.source_id,
            row.service_code,
            row.sub_account_id,
            row.amount,
        )
        for row in expected.credit_draws
    )


def test_credit_balances(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        "select credit_id, billing_group_id, currency, granted_amount, issued_amount + draft_amount, expired_amount, "
        "balance_amount from marts.fct_credit_balances order by 1",
    ) == sorted(
        (
            row.credit_id,
            row.billing_group_id,
            row.currency,
            row.granted_amount,
            row.drawn_amount,
            row.expired_amount,
            row.balance_amount,
        )
        for row in expected.credit_balances
    )


def test_group_charges(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    found: dict[tuple[Any, ...], Decimal] = {
        tuple(key): amount
        for *key, amount in published(
            workspace,
            """
            select strftime(billing_period, '%Y-%m'), billing_group_id, kind, source_id, sub_account_id, service_code,
                sum(billed_cost)
            from marts.fct_group_charges group by all having sum(billed_cost) <> 0
            """,
        )
    }
    assert found == {
        (
            row.billing_period,
            row.billing_group_id,
            row.kind,
            row.source_id,
            row.sub_account_id,
            row.service_code,
        ): row.billed_cost
        for row in expected.group_charges
    }


def test_commitments(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        "select strftime(billing_period, '%Y-%m'), commitment_id, cost, used_cost, unused_cost, list_value, savings "
        "from marts.fct_commitments order by 1, 2",
    ) == [
        (
            row.billing_period,
            row.commitment_id,
            row.cost,
            row.used,
            row.unused,
            row.list_value,
            row.savings,
        )
        for row in expected.commitments
    ]


def test_policies_side_by_side(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    found: dict[tuple[Any, ...], Decimal] = {
        tuple(key): amount
        for *key, amount in published(
            workspace,
            "select strftime(billing_period, '%Y-%m'), billing_group_id, policy, billed_cost "
            "from marts.fct_commitment_policies where billing_group_id <> 'UNASSIGNED' and billed_cost <> 0",
        )
    }
    assert found == {
        (row.billing_period, row.billing_group_id, row.policy): row.billed_cost
        for row in expected.policies
        if row.billed_cost
    }


def test_invoices(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    assert published(
        workspace,
        "select strftime(billing_period, '%Y-%m'), billing_group_id, currency, fx_rate, exact_amount_usd, net_amount, "
        "credit_amount, taxable_amount, tax_amount, total_amount, line_count from marts.fct_invoices order by 1, 2",
    ) == [
        (
            row.billing_period,
            row.billing_group_id,
            row.currency,
            row.fx_rate,
            row.exact_amount_usd,
            row.net_amount,
            row.credit_amount,
            row.taxable_amount,
            row.tax_amount,
            row.total_amount,
            row.line_count,
        )
        for row in sorted(expected.invoices, key=lambda row: (row.billing_period, row.billing_group_id))
    ]


def test_residual_is_zero_and_nothing_is_unrated(sample: Sample, published: Query) -> None:
    workspace, _expected = sample
    assert published(workspace, "select distinct residual from marts.fct_reconciliation") == [(0,)]
    assert published(workspace, "select count(*) from marts.fct_charges where treatment = 'unrated'") == [(0,)]
    assert published(workspace, "select distinct status from marts.fct_check_results") == [("pass",)]


def test_every_stage_ties_to_the_documents(sample: Sample, published: Query) -> None:
    """X2, X3: residual 0 at each stage of each group; what the stages come to is what the generator's books say."""
    workspace, expected = sample
    assert published(workspace, "select distinct residual from marts.fct_group_reconciliation") == [(0,)]
    found = {
        tuple(key): amount
        for *key, amount in published(
            workspace,
            "select strftime(billing_period, '%Y-%m'), billing_group_id, stage, amount "
            "from marts.fct_group_reconciliation",
        )
    }
    for group in expected.groups:
        key = (group.billing_period, group.billing_group_id)
        assert found[*key, "aws_cost"] == group.aws_cost + group.aws_tax
        assert found[*key, "aws_tax"] == group.aws_tax_billed - group.aws_tax
    assert {key[:2] for key in found if key[2] == "total"} == {
        (invoice.billing_period, invoice.billing_group_id)
        for invoice in expected.invoices
        if invoice.fx_rate is not None
    }
    for invoice in expected.invoices:
        key = (invoice.billing_period, invoice.billing_group_id)
        assert found[*key, "lines_before_rounding"] == sum(
            line.exact_amount_usd for line in expected.lines if (line.billing_period, line.billing_group_id) == key
        )
        if invoice.fx_rate is not None:
            assert found[*key, "credits"] == invoice.credit_amount
            assert found[*key, "taxable"] == invoice.taxable_amount
            assert found[*key, "tax"] == invoice.tax_amount
            assert (found[*key, "total"], found[*key, "issued"]) == (invoice.total_amount, 0)
            assert found[*key, "to_be_issued"] == (invoice.total_amount if invoice.line_count else 0)
    # X1 and X2 meet: what was delivered of all payers is the cost of all groups.
    for period in {row.billing_period for row in expected.deliveries}:
        delivered = sum(row.aws_cost for row in expected.deliveries if row.billing_period == period and row.is_current)
        assert sum(amount for key, amount in found.items() if (key[0], key[2]) == (period, "aws_cost")) == delivered


def test_aws_invoices_hold_every_row_once(sample: Sample, published: Query) -> None:
    """X4: by AWS's invoice ids, the rows sum to the delivery's control total, and what is open is under none."""
    workspace, expected = sample
    assert published(
        workspace,
        "select strftime(billing_period, '%Y-%m'), billing_account_id, sum(cur_amount), sum(row_count), "
        "coalesce(sum(cur_amount) filter (where aws_invoice_id = ''), 0) from marts.fct_aws_invoices "
        "group by all order by 1, 2",
    ) == [
        (
            row.billing_period,
            row.billing_account_id,
            row.aws_cost,
            row.row_count - row.split_cost_row_count,
            row.aws_cost if row.open_row_count else 0,
        )
        for row in sorted(expected.deliveries, key=lambda row: (row.billing_period, row.billing_account_id))
        if row.is_current
    ]
    assert published(workspace, "select distinct reasons from marts.fct_aws_invoices order by 1") == [
        ("not_final",),
        ("not_supplied",),
    ]


def test_g66_data_transfer_as_on_awss_invoice(sample: Sample, published: Query) -> None:
    """The report has it in EC2, AWS's invoice beside EC2; both have the same total."""
    workspace, _expected = sample
    of_invoices = published(
        workspace,
        "select strftime(billing_period, '%Y-%m'), billing_account_id, service_code, sum(aws_cost) "
        "from marts.fct_aws_invoice_services where invoice_service_code = 'AWSDataTransfer' and part = 'charges' "
        "group by all order by all",
    )
    # What is not in the services of the report: usage by its type, and discounts and covered rows likewise.
    of_rows = published(
        workspace,
        "select strftime(billing_period, '%Y-%m'), billing_account_id, service_code, sum(aws_cost) "
        "from marts.fct_charges where service_code = 'AmazonEC2' and contains(usage_type, 'DataTransfer') "
        "and charge_type not in ('aws_credit', 'refund', 'aws_tax') group by all order by all",
    )
    assert of_invoices == of_rows
    assert any(amount for *_, amount in of_invoices)
    assert (
        published(
            workspace,
            """
            select * from (
                select billing_period, billing_account_id, sum(aws_cost) as amount from marts.fct_aws_invoice_services
                group by all
            ) full join (
                select billing_period, billing_account_id, sum(aws_cost) as charged from marts.fct_charges group by all
            ) using (billing_period, billing_account_id)
            where amount is distinct from charged
            """,
        )
        == []
    )


def test_a_restated_month_is_the_difference_of_its_deliveries(sample: Sample, published: Query) -> None:
    workspace, expected = sample
    replaced = [row for row in expected.deliveries if not row.is_current]
    assert replaced
    for before in replaced:
        period = date.fromisoformat(f"{before.billing_period}-01")
        (after,) = (
            row
            for row in expected.deliveries
            if row.is_current
            and (row.billing_period, row.billing_account_id) == (before.billing_period, before.billing_account_id)
        )
        found = compare_deliveries(workspace, period, before.billing_account_id)
        assert (found.earlier.aws_cost, found.later.aws_cost) == (before.aws_cost, after.aws_cost)
        assert sum(change.difference for change in found.changes) == after.aws_cost - before.aws_cost
        assert found.row_difference == (after.row_count - after.split_cost_row_count) - (
            before.row_count - before.split_cost_row_count
        )
        reasons = published(
            workspace,
            "select distinct reason from marts.dim_deliveries where status = 'superseded' and billing_period = "
            f"date '{period}' and payer_account_id = '{before.billing_account_id}'",
        )
        assert reasons == [(f"Replaced by {found.later.delivery_id}",)]


def test_every_line_item_type_is_there(sample: Sample, published: Query) -> None:
    """A sample without, say, DistributorDiscount would let its mapping break unseen."""
    import csv

    from orchestration.settings import PROJECT_ROOT

    workspace, _expected = sample
    with Path(PROJECT_ROOT / "dbt_project" / "seeds" / "charge_types.csv").open(encoding="utf-8") as handle:
        mapped = {row["line_item_type"] for row in csv.DictReader(handle)}
    present = {name for (name,) in published(workspace, "select distinct line_item_type from marts.fct_charges")}
    assert present == mapped


@pytest.mark.faults
def test_every_line_is_explained_and_no_customer_sees_a_cost_of_aws(
    sample: Sample, published: Query, pytestconfig: pytest.Config
) -> None:
    """Lines add up at every level; the rows of some of every kind are those of their charges.

    All lines in full; else three of every kind, and every fourth of the others.
    """
    workspace, expected = sample
    lines = published(workspace, "select invoice_line_key, line_kind from marts.fct_invoice_lines order by all")
    assert len(lines) == len(expected.lines)
    chosen = Random(5).sample(lines, len(lines))
    of_kind: dict[str, list[str]] = defaultdict(list)
    for key, kind in chosen:
        of_kind[kind].append(key)
    assert len(of_kind) == 12
    with_rows = {key for keys in of_kind.values() for key in keys[:3]}
    if not pytestconfig.getoption("--faults-in-full"):
        chosen = [(key, kind) for number, (key, kind) in enumerate(chosen) if key in with_rows or number % 4 == 0]
    with duckdb.connect(workspace.published_file, read_only=True, config={"threads": 1}) as connection:
        for key, _ in chosen:
            found = explain(connection, find_line(connection, key))
            if key in with_rows:
                charges = [charge for charge in found.charges if charge["is_part"]]
                with line_rows(workspace, found.reference) as rows:
                    assert sum(not row["is_discount"] for row in rows.fetch()) == sum(
                        charge["row_count"] for charge in charges
                    )
                    for name in ("aws_cost", "list_cost", "billed_cost"):
                        assert getattr(rows, name) == sum(charge[name] for charge in charges), (key, name)
                with line_rows(workspace, found.reference, for_customer=True) as rows:
                    customers = rows.fetch(200)
                assert leaks(found, customer_texts(found, customers)) == set(), key


# By what is summed: net, credit and, where the view has it, tax, per period and group.
_VIEWS = {
    "header": "select {key}, net_amount, credit_amount from marts.fct_invoices",
    "lines": (
        "select {key}, sum(net_amount), sum(credit_amount) from marts.fct_invoice_lines "
        "where line_kind <> 'aws_tax' group by all"
    ),
    "accounts": (
        "select {key}, sum(accounts.net_amount), sum(accounts.credit_amount) from (select {key}, sub_account_id, "
        "sum(net_amount) as net_amount, sum(credit_amount) as credit_amount from marts.fct_invoice_line_accounts "
        "where not contains(invoice_line_key, '/aws_tax/') group by all) as accounts group by all"
    ),
    "services": (
        "select {key}, sum(net_amount), sum(credit_amount) from (select {key}, service_code, sum(net_amount) as "
        "net_amount, sum(credit_amount) as credit_amount from marts.fct_invoice_lines where line_kind <> 'aws_tax' "
        "group by all) as services group by all"
    ),
    "tax categories": (
        "select {key}, sum(net_amount), sum(credit_amount) from marts.fct_invoice_line_taxes group by all"
    ),
    "document headers": "select {key}, net_amount, credit_amount from marts.fct_documents",
    "document lines": (
        "select {key}, sum(net_amount), sum(credit_amount) from marts.fct_document_lines "
        "where line_kind <> 'aws_tax' group by all"
    ),
    "document accounts": (
        "select {key}, sum(accounts.net_amount), sum(accounts.credit_amount) from ledger.document_line_accounts as "
        "accounts inner join ledger.documents as documents using (document_id) inner join ledger.document_lines as "
        "lines using (document_id, line_number) where lines.line_kind <> 'aws_tax' group by all"
    ),
    "document tax parts": (
        "select {key}, sum(parts.net_amount), sum(parts.credit_amount) from ledger.document_line_parts as parts "
        "inner join ledger.documents as documents using (document_id) "
        "where not contains(parts.invoice_line_key, '/aws_tax/') group by all"
    ),
}


def test_g73_every_view_of_an_invoice_and_its_document_ties(sample: Sample, warehouse: Query, tmp_path: Path) -> None:
    """Header = lines = accounts = services = tax categories, to the cent; issuing freezes the same."""
    original, _ = sample
    workspace = Workspace.at(Path(shutil.copytree(original.root, tmp_path / "workspace")))
    periods = [period for (period,) in warehouse(workspace, "select distinct billing_period from marts.fct_invoices")]
    issued = []
    for period in sorted(periods):
        desk.approve(workspace, period, None, "Ada")
        overridden = dict.fromkeys(("not_final", "unmapped", "unrated"), "A test of sums")
        issued += [row for row in desk.issue(workspace, period, None, "Ben", overridden) if row.state == "issued"]
    assert len(issued) > 8

    found: dict[str, dict[tuple[Any, ...], tuple[Decimal, Decimal]]] = {
        name: {
            row[:2]: row[2:]
            for row in warehouse(workspace, sql.format(key="billing_period, billing_group_id"))
            if any(row[2:])
        }
        for name, sql in _VIEWS.items()
    }
    of_drafts, of_documents = found["header"], found["document headers"]
    # Every draft with lines and rates became a document with the same amounts.
    assert len(of_documents) >= len(issued) - 1
    assert of_documents.items() <= of_drafts.items()
    for name, view in found.items():
        assert view == (of_documents if name.startswith("document") else of_drafts), name
    # X2, D4: everything issued, no stage has a residual, and nothing is left to be issued where a document is.
    assert warehouse(workspace, "select distinct residual from marts.fct_group_reconciliation") == [(0,)]
    totals = (
        "select billing_period, billing_group_id, amount from marts.fct_group_reconciliation "
        "where stage = '{}' and amount <> 0 order by all"
    )
    assert warehouse(workspace, totals.format("issued")) == warehouse(
        workspace,
        "select billing_period, billing_group_id, cast(sum(total_amount) as decimal(38, 24)) from marts.fct_documents "
        "group by all having sum(total_amount) <> 0 order by all",
    )
    assert warehouse(workspace, totals.format("to_be_issued")) == []
    assert (
        warehouse(
            workspace,
            "select * from marts.fct_invoices "
            "where total_amount is distinct from net_amount + credit_amount + tax_amount",
        )
        == []
    )
