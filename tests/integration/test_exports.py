"""Exports of whole runs: of the generated months, of a corrected month, and of a real delivery."""

import csv
import gzip
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.errors import ChargehouseError, WorkspaceBusyError
from orchestration.exports.analyses import analysis_sql, published_warehouse
from orchestration.exports.cur import CSV_HEADERS, write_cur
from orchestration.exports.focus import write_focus
from orchestration.exports.focus_invoices import write_focus_invoices
from orchestration.exports.journal import write_journal
from orchestration.issuing import desk
from orchestration.runs import run_new
from orchestration.sample.expectations import Expectations
from orchestration.settings import PROJECT_ROOT, Workspace, child_environment
from orchestration.warehouse import workspace_lock
from tests.integration.focus_validator import KNOWN_FAILURES, installed_validator, validate
from tests.integration.workspaces import Rows, built_sample
from tests.unit.ingest.landed_cur import place
from tests.unit.ingest.landed_price_lists import S3_STORAGE, offer_csv, replace

pytestmark = pytest.mark.slow

_AUGUST, _SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)


def _rows(sql: str, **files: Path) -> Rows:
    for name, path in files.items():
        sql = sql.replace(f"${name}", f"'{path}'")
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def _published(workspace: Workspace, sql: str) -> Rows:
    with duckdb.connect(workspace.published_file, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def _billed_groups(workspace: Workspace) -> list[tuple[date, str]]:
    return [
        (period, group)
        for period, group in _published(
            workspace,
            "select distinct billing_period, billing_group_id from marts.fct_charges "
            "where treatment = 'billed' and billing_group_id <> 'UNASSIGNED' order by all",
        )
    ]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Expectations]:
    return built_sample(tmp_path_factory, tmp_path_factory.mktemp("sample") / "workspace")


@pytest.fixture(scope="module")
def corrected(sample: tuple[Workspace, Expectations]) -> Workspace:
    """August issued, then priced by other rules and a price list: one correction is issued, the others are open.

    Comes after the tests of drafts, whose workspace it changes.
    """
    workspace, _ = sample
    desk.approve(workspace, _AUGUST, None, "Ada")
    desk.issue(workspace, _AUGUST, None, "Ben", today=lambda: date(2026, 9, 5))
    rules = workspace.billing / "pricing_rules.csv"
    text = rules.read_text(encoding="utf-8")
    changed = re.sub(r"^([^,\n]+,[^,\n]+,GLOBAL,(?:MARKUP|DISCOUNT)),[^,]+", r"\1,3.5", text, flags=re.MULTILINE)
    assert changed != text
    rules.write_text(changed, encoding="utf-8")
    # R8: storage is split over the group's rows by AWS's tiers; the exported row is a part of that part.
    tiers = (("0", "1", "0.5000000000"), ("1", "Inf", "0.0170000000"))
    place(workspace.landing / "price_lists" / "s3.csv", offer_csv([replace(S3_STORAGE, tiers=tiers)]))
    run_new(workspace)
    proposed = _published(
        workspace,
        "select billing_group_id from marts.fct_proposed_documents "
        "where revision = 1 and billing_period = '2026-08-01' order by 1",
    )
    assert len(proposed) > 1
    desk.approve(workspace, _AUGUST, proposed[0][0], "Ada")
    desk.issue(workspace, _AUGUST, proposed[0][0], "Ben", today=lambda: date(2026, 9, 9))
    desk.build_issued(workspace, _AUGUST, lambda _line: None)
    return workspace


@contextmanager
def _rated_rows(workspace: Workspace, period: date, group: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The rows of a pro forma CUR with what is not exported."""
    with published_warehouse(workspace, "testing", period, group) as connection:
        connection.execute(f"create temp table rated as {analysis_sql('pro_forma_cur')}")
        yield connection


def _assert_rows_are_their_charges(workspace: Workspace, period: date, group: str, folder: Path) -> int:
    """Every key of what is exported sums to its charges, digit by digit, and no row is missing or foreign."""
    path = folder / f"{period:%Y-%m}-{group}.parquet"
    written = write_cur(workspace, period, group, path)
    charged = _published(
        workspace,
        f"""
        select sub_account_id, service_code, usage_type, operation, region_id, coalesce(usage_unit, ''),
            sum(billed_cost), sum(row_count)
        from marts.fct_charges
        where treatment = 'billed' and billing_period = '{period}' and billing_group_id = '{group}'
        group by all order by all
        """,
    )
    keys = (
        "line_item_usage_account_id, line_item_product_code, line_item_usage_type, line_item_operation, "
        "product_region_code, pricing_unit"
    )
    exported = _rows(
        f"""
        select {keys}, sum(line_item_unblended_cost) from $path
        where not starts_with(identity_line_item_id, 'group/') group by all order by all
        """,
        path=path,
    )
    assert [row[:6] for row in exported] == [row[:6] for row in charged]
    assert [row[6] for row in exported] == [row[6] for row in charged]
    group_charges = _published(
        workspace,
        "select count(*), coalesce(sum(billed_cost), 0) from marts.fct_group_charges "
        f"where billing_period = '{period}' and billing_group_id = '{group}'",
    )
    assert group_charges == _rows(
        "select count(*), coalesce(sum(line_item_unblended_cost), 0) from $path "
        "where starts_with(identity_line_item_id, 'group/')",
        path=path,
    )
    with _rated_rows(workspace, period, group) as connection:
        (counts,) = connection.execute(
            "select count(*), count(*) filter (where is_discount), count(*) filter (where charge_number is null) "
            "from rated"
        ).fetchall()
        assert counts[0] == written.row_count
        assert counts[0] - counts[1] - counts[2] == sum(row[7] for row in charged)
        # A row never pays for another: where all of a charge's rows are of one sign, so are their costs.
        assert (
            connection.execute(
                """
                select charge_number from rated where charge_number is not null group by charge_number
                having (min(line_item_usage_amount) >= 0 or max(line_item_usage_amount) <= 0)
                    and sign(min(line_item_unblended_cost)) * sign(max(line_item_unblended_cost)) < 0
                    and min(line_item_line_item_type) = 'Usage'
                """
            ).fetchall()
            == []
        )
        different = connection.execute(
            "select count(*) from (select charge_number from rated where charge_number is not null group by 1 "
            "having sum(line_item_unblended_cost) <> any_value(charge_billed_cost))"
        ).fetchone()
        assert different == (0,)
    return written.row_count


def test_pro_forma_rows_of_generated_months_are_their_charges(
    sample: tuple[Workspace, Expectations], tmp_path: Path
) -> None:
    workspace, expected = sample
    billed = _billed_groups(workspace)
    assert len(billed) > 12
    for period, group in billed:
        assert _assert_rows_are_their_charges(workspace, period, group, tmp_path)
    # The generator's own books, which know nothing of charges.
    books = {
        (row.billing_period, row.billing_group_id): row.billed_cost + row.aws_tax_billed for row in expected.groups
    }
    for period, group in billed:
        found = _rows(
            "select sum(line_item_unblended_cost) from $path where not starts_with(identity_line_item_id, 'group/')",
            path=tmp_path / f"{period:%Y-%m}-{group}.parquet",
        )
        assert found == [(books[f"{period:%Y-%m}", group],)]
    files = tmp_path / "*.parquet"
    types = {
        name for (name,) in _rows("select distinct line_item_line_item_type from read_parquet($files)", files=files)
    }
    assert types >= {"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "Fee", "Credit"}
    # What is withheld always, and AWS's own types of what Chargehouse makes itself.
    assert not types & {"SppDiscount", "DistributorDiscount"}
    # RS1: usage that goes back to on-demand price names no commitment of the reseller's.
    assert _rows(
        "select count(*) from read_parquet($files) where line_item_line_item_type = 'Usage' "
        "and (reservation_reservation_a_r_n <> '' or savings_plan_savings_plan_a_r_n <> '')",
        files=files,
    ) == [(0,)]


def test_csv_and_parquet_hold_the_same(sample: tuple[Workspace, Expectations], tmp_path: Path) -> None:
    workspace, _ = sample
    group = "lumen"
    write_cur(workspace, _SEPTEMBER, group, tmp_path / "cur.parquet")
    assert write_cur(workspace, _SEPTEMBER, group, tmp_path / "cur.csv.gz").row_count == (
        write_cur(workspace, _SEPTEMBER, group, tmp_path / "cur.csv").row_count
    )
    with gzip.open(tmp_path / "cur.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]] == [*CSV_HEADERS.values(), "resource_tags"]
    assert gzip.decompress((tmp_path / "cur.csv.gz").read_bytes()) == (tmp_path / "cur.csv").read_bytes()
    typed = _rows(f"select {', '.join(CSV_HEADERS)} from $path", path=tmp_path / "cur.parquet")
    assert len(rows) == len(typed)
    for row, values in zip(rows, typed, strict=True):
        for header, value in zip(CSV_HEADERS.values(), values, strict=True):
            if isinstance(value, Decimal):
                assert Decimal(row[header]) == value
                assert not re.search(r"\.\d*0$|\.$|[eE]", row[header])
    assert {row["bill/InvoiceId"] for row in rows} == {""}
    assert {row["bill/BillingPeriodStartDate"] for row in rows} == {"2026-09-01T00:00:00Z"}
    assert {row["lineItem/CurrencyCode"] for row in rows} == {"USD"}


def test_focus_sums_to_each_invoice_line_and_account(sample: tuple[Workspace, Expectations], tmp_path: Path) -> None:
    workspace, _ = sample
    for period in sorted({period for period, _ in _billed_groups(workspace)}):
        path = tmp_path / f"{period}.parquet"
        write_focus(workspace, period, None, path)
        assert _rows('select "BillingAccountId", sum("BilledCost") from $path group by 1 order by 1', path=path) == (
            _published(
                workspace,
                "select billing_group_id, total_amount from marts.fct_invoices "
                f"where billing_period = '{period}' order by 1",
            )
        )
        exported = _rows(
            """
            select "BillingAccountId", "x_LineKind", coalesce("x_SourceId", ''), coalesce("x_ServiceCode", ''),
                "SubAccountId", sum("BilledCost")
            from $path where "x_LineKind" not in ('tax', 'aws_tax', 'customer_credit') group by all
            having sum("BilledCost") <> 0 order by all
            """,
            path=path,
        )
        assert exported == _published(
            workspace,
            f"""
            select lines.billing_group_id, lines.line_kind, lines.source_id, lines.service_code,
                accounts.sub_account_id, accounts.net_amount
            from marts.fct_invoice_line_accounts as accounts
            inner join marts.fct_invoice_lines as lines using (billing_period, invoice_line_key)
            where billing_period = '{period}' and lines.line_kind <> 'aws_tax' and accounts.net_amount <> 0
            order by all
            """,
        )
        assert _rows('select count(*) from $path where "InvoiceId" is not null', path=path) == [(0,)]
        _assert_no_cost_of_aws(workspace, period, path)


def _assert_no_cost_of_aws(workspace: Workspace, period: date, path: Path) -> None:
    """List costs are AWS's public prices, or what is billed; commitments of the reseller's are not named."""
    public = _published(
        workspace,
        f"""
        select billing_group_id, usage_type, operation, region_id, sub_account_id, sum(list_cost)
        from marts.fct_charges
        where treatment = 'billed' and billing_period = '{period}' and charge_category = 'Usage'
            and list_cost_source in ('public_on_demand_cost', 'price_list', 'free_tier')
            and billing_group_id in (select billing_group_id from marts.fct_invoices where currency = 'USD')
        group by all having sum(list_cost) <> 0
        """,
    )
    shown = _rows(
        """
        select "BillingAccountId", "x_UsageType", coalesce("x_Operation", ''), coalesce("RegionId", ''), "SubAccountId",
            sum("ListCost")
        from $path
        where "BillingCurrency" = 'USD' and "x_LineKind" in ('usage', 'marketplace')
            and "ChargeCategory" = 'Usage' and "ListCost" <> "BilledCost"
        group by all
        """,
        path=path,
    )
    known: dict[tuple[Any, ...], Decimal] = {row[:5]: row[5] for row in public}
    assert shown
    for row in shown:
        assert abs(known[row[:5]] - row[5]) < Decimal("0.00000001") or row[5] < known[row[:5]], row
    hidden = _published(
        workspace,
        "select distinct commitment_id from marts.fct_charges where commitment_id <> '' and treatment = 'billed' "
        f"and billing_period = '{period}' and rating_path = 'on_demand' except "
        "select distinct commitment_id from marts.fct_charges where commitment_id <> '' and treatment = 'billed' "
        f"and billing_period = '{period}' and rating_path <> 'on_demand'",
    )
    named = {name for (name,) in _rows('select distinct "CommitmentDiscountId" from $path', path=path)}
    assert not named & {name for (name,) in hidden}
    columns = {row[0].lower() for row in _rows("describe select * from $path", path=path)}
    assert not [name for name in columns if "aws" in name or "margin" in name or "unblended" in name]


def test_public_validator(sample: tuple[Workspace, Expectations], tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The FOCUS validator finds what we know it finds: nothing else fails, and nothing of it passes."""
    workspace, _ = sample
    path = tmp_path / "focus.parquet"
    write_focus(workspace, _SEPTEMBER, None, path)
    assert set(validate(installed_validator(pytestconfig), path, tmp_path)) == set(KNOWN_FAILURES)


def test_analyses_are_what_dbt_compiles(sample: tuple[Workspace, Expectations], tmp_path: Path) -> None:
    """Analytics engineers read and run the analyses in dbt: what is exported must be the same SQL."""
    workspace, _ = sample
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "--quiet", "compile", "--project-dir", str(PROJECT_ROOT)),
            *("--profiles-dir", str(PROJECT_ROOT), "--select", "resource_type:analysis"),
            *("--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")),
        ],
        env=child_environment(workspace),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    files = sorted((PROJECT_ROOT / "dbt_project" / "analyses").glob("*.sql"))
    assert files
    compiled = {file.stem: file for file in (tmp_path / "target" / "compiled").rglob("analyses/*.sql")}
    for file in files:
        text = re.sub(r'"\w+"\."(\w+)"\."(\w+)"', r"\1.\2", compiled[file.stem].read_text(encoding="utf-8"))
        assert text.split() == analysis_sql(file.stem).split()


def test_refusals_change_nothing(sample: tuple[Workspace, Expectations], tmp_path: Path) -> None:
    workspace, _ = sample
    path = tmp_path / "file.parquet"
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: write_cur(workspace, _AUGUST, None, path), "name it with --group"),
        (lambda: write_cur(workspace, _AUGUST, "nobody", path), "There is no billing group nobody"),
        (lambda: write_focus(workspace, date(2020, 1, 1), None, path), "There is nothing of 2020-01"),
        (lambda: write_focus(workspace, _AUGUST, None, tmp_path / "focus.csv"), r"ends in \.parquet"),
        (lambda: write_focus(Workspace.at(tmp_path / "new"), _AUGUST, None, path), "Nothing is published"),
        (lambda: write_journal(workspace, _AUGUST, None, tmp_path / "journal.csv"), "No document of 2026-08 is issued"),
    ]
    for write, message in refused:
        with pytest.raises(ChargehouseError, match=message):
            write()
    with workspace_lock(workspace, "a run"), pytest.raises(WorkspaceBusyError, match="is in use"):
        write_focus(workspace, _AUGUST, None, path)
    assert [*tmp_path.glob("**/*.parquet"), *tmp_path.glob("*.csv"), *tmp_path.glob(".*")] == []


def test_the_command(sample: tuple[Workspace, Expectations], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, _ = sample
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(workspace.root))
    path = tmp_path / "focus.parquet"
    arguments = ["export", "focus", "--period", "2026-09", "--group", "lumen", "--to", str(path)]
    first = CliRunner().invoke(main, [*arguments, "--json"])
    (count,) = _rows("select count(*) from $path", path=path)
    assert (first.exit_code, first.stdout) == (0, f'{{\n  "path": "{path}",\n  "rows": {count[0]}\n}}\n')
    before = path.read_bytes()
    again = CliRunner().invoke(main, arguments)
    assert (again.exit_code, again.stderr) == (1, f"{path} is there already. Nothing was written; name a new file.\n")
    assert path.read_bytes() == before
    other = CliRunner().invoke(main, [*arguments[:-1], str(tmp_path / "again.parquet")])
    assert (other.exit_code, other.stdout) == (0, f"Wrote {count[0]} rows to {tmp_path / 'again.parquet'}.\n")


def test_rows_of_what_is_split_by_tiers_are_their_charges(corrected: Workspace, tmp_path: Path) -> None:
    for period, group in _billed_groups(corrected):
        _assert_rows_are_their_charges(corrected, period, group, tmp_path)
    split = _published(
        corrected,
        "select count(distinct billing_group_id), max(row_count) from marts.fct_charges "
        "where list_cost_source = 'price_list' and treatment = 'billed' and billed_cost <> 0",
    )
    assert split[0][0] > 1
    assert split[0][1] > 1


def test_after_a_correction_everything_sums_to_each_document(corrected: Workspace, tmp_path: Path) -> None:
    """Charges are today's; by number they are what was issued, and without number what is still to be issued."""
    issued = _published(
        corrected,
        "select number, total_amount from marts.fct_documents where billing_period = '2026-08-01' order by number",
    )
    assert len(issued) > len(
        {row[0] for row in _published(corrected, "select distinct billing_group_id from marts.fct_documents")}
    )
    focus, details = tmp_path / "focus.parquet", tmp_path / "details.parquet"
    write_focus(corrected, _AUGUST, None, focus)
    write_focus_invoices(corrected, _AUGUST, None, details)
    by_number = 'select "InvoiceId", sum("BilledCost") from $path where "InvoiceId" is not null group by 1 order by 1'
    assert _rows(by_number, path=focus) == issued
    assert _rows(by_number, path=details) == issued
    by_group = 'select "BillingAccountId", sum("BilledCost") from $path {} group by 1 order by 1'
    assert _rows(by_group.format(""), path=focus) == _published(
        corrected,
        "select billing_group_id, total_amount from marts.fct_invoices where billing_period = '2026-08-01' order by 1",
    )
    assert _rows(by_group.format('where "InvoiceId" is null'), path=focus) == _published(
        corrected,
        "select billing_group_id, total_amount from marts.fct_proposed_documents "
        "where billing_period = '2026-08-01' order by 1",
    )
    assert _rows(
        'select count(*) > 0, bool_and("ChargeClass" = \'Correction\') from $path where "InvoiceId" is null', path=focus
    ) == [(True, True)]

    cur = tmp_path / "cur.parquet"
    group = _published(corrected, "select min(billing_group_id) from marts.fct_documents where revision = 1")[0][0]
    write_cur(corrected, _AUGUST, group, cur)
    assert _rows("select distinct bill_invoice_id from $path", path=cur) == _published(
        corrected, f"select number from marts.fct_documents where revision = 0 and billing_group_id = '{group}'"
    )

    journal = tmp_path / "journal.csv"
    write_journal(corrected, _AUGUST, None, journal)
    with journal.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, total in issued:
        lines = [row for row in rows if row["document_number"] == number]
        debits = sum(Decimal(row["debit"] or 0) for row in lines)
        assert debits == sum(Decimal(row["credit"] or 0) for row in lines) > 0
        assert sum(Decimal(row["accounting_debit"] or 0) - Decimal(row["accounting_credit"] or 0) for row in lines) == 0
        (receivable,) = (row for row in lines if row["posting"] == "receivable")
        assert Decimal(receivable["debit"] or 0) - Decimal(receivable["credit"] or 0) == total


def test_real_delivery(workshop: Workspace, tmp_path: Path) -> None:
    workspace = workshop
    counts = [
        _assert_rows_are_their_charges(workspace, period, group, tmp_path)
        for period, group in _billed_groups(workspace)
    ]
    assert len(counts) == 4
    october, group_two = date(2018, 10, 1), "two"
    path = tmp_path / "focus.parquet"
    write_focus(workspace, october, group_two, path)
    assert _rows('select sum("BilledCost") from $path', path=path) == _published(
        workspace,
        "select total_amount from marts.fct_invoices where billing_period = '2018-10-01' and billing_group_id = 'two'",
    )
