"""Lines of issued and corrected months explained: by the command, on the page, for customers, and what is refused."""

import importlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook
from streamlit.testing.v1 import AppTest

from dashboards import explain_strings, strings
from orchestration.cli import main
from orchestration.errors import ChargehouseError, WorkspaceBusyError
from orchestration.explaining.explanation import ExplanationError, explain
from orchestration.explaining.files import to_json
from orchestration.explaining.lookup import find_line
from orchestration.explaining.rows import line_rows
from orchestration.runs import run_new
from orchestration.settings import PROJECT_ROOT, Workspace
from orchestration.warehouse import workspace_lock
from tests.customer_view import customer_texts, leaks
from tests.integration.resellers import Reseller

pytestmark = pytest.mark.slow

_UNIT_TESTS = str(PROJECT_ROOT / "tests" / "unit" / "dashboards")
EC2, S3 = "2024-01/acme/usage/-/AmazonEC2", "2024-01/acme/usage/-/AmazonS3"
S3_CELLS = {"lineItem_ProductCode": "AmazonS3", "product_ProductName": "Amazon Simple Storage Service"}


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workspace]:
    """A month of one group, 10 % on top, in euros at 0.92: as issued, as AWS restated it, and as corrected."""
    root = tmp_path_factory.mktemp("explained")
    found: dict[str, Workspace] = {}

    def keep(name: str, workspace: Workspace) -> None:
        found[name] = Workspace.at(Path(shutil.copytree(workspace.root, root / name)))

    with pytest.MonkeyPatch.context() as environment:
        for variable in ("CHARGEHOUSE_DATA", "CHARGEHOUSE_LANDING", "CHARGEHOUSE_LEDGER", "CHARGEHOUSE_WAREHOUSE_FILE"):
            environment.setenv(variable, "")
            environment.delenv(variable)
        books = Reseller(Workspace.at(root / "books"), {"acme": {"currency": "EUR", "tax_policy": "none"}})
        books.change("pricing_rules", "price of acme", rule_type="MARKUP", percentage="10")
        # 110 and 55 dollars: 101.20 and 50.60 euros.
        books.deliver([books.usage("acme", "100.00"), books.usage("acme", "50.00", **S3_CELLS)])
        run_new(books.workspace)
        books.issue()
        # 88 dollars: 80.96 euros; S3 is gone.
        books.deliver([books.usage("acme", "80.00")])
        run_new(books.workspace)
        keep("restated", books.workspace)
        books.issue()
        run_new(books.workspace)
        keep("corrected", books.workspace)
    return found


@pytest.fixture
def restated(stages: dict[str, Workspace], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(stages["restated"].root))
    return stages["restated"]


@pytest.fixture
def corrected(stages: dict[str, Workspace], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(stages["corrected"].root))
    return stages["corrected"]


def _explain(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments])


def _json(*arguments: str) -> Any:
    result = _explain(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def _parts(found: Any) -> list[tuple[str, str, Decimal]]:
    return [(part["part"], part["number"], Decimal(part["amount"])) for part in found["document_parts"]]


def test_an_issued_line_after_a_restatement(restated: Workspace) -> None:
    found = _json("RS-2024-000001/1")
    assert found["line"]["invoice_line_key"] == EC2
    assert _parts(found) == [("today", "", Decimal("80.96")), ("changed since", "", Decimal("20.24"))]
    assert found["changed_since"].startswith("Restatement by AWS: delivery ")
    assert [Decimal(row["net_amount"]) for row in found["document_accounts"]] == [Decimal("101.20")]
    printed = _explain("RS-2024-000001/1").output
    assert "The warehouse has changed since issue: Restatement by AWS" in printed
    assert "= RS-2024-000001/1" in printed


def _with_differences(workspace: Workspace, path: Path, statement: str) -> duckdb.DuckDBPyConnection:
    """Open a copy of what is published, its differences to the documents (D4) changed as somebody else might."""
    connection = duckdb.connect(shutil.copyfile(workspace.published_file, path))
    connection.execute(f"create table changed as select * from marts.fct_document_differences; {statement}")
    connection.execute("drop table marts.fct_document_differences")
    connection.execute("create table marts.fct_document_differences as select * from changed")
    return connection


def test_a_difference_that_is_not_the_published_one_is_an_error(restated: Workspace, tmp_path: Path) -> None:
    with (
        _with_differences(
            restated, tmp_path / "changed.duckdb", "update changed set net_amount = -20.23 where level = 'line'"
        ) as connection,
        pytest.raises(ExplanationError, match=r"issued line = its parts: the parts sum to 101\.19"),
    ):
        explain(connection, find_line(connection, "RS-2024-000001/1"))


def test_a_customer_is_not_shown_another_tax_than_was_issued(corrected: Workspace, tmp_path: Path) -> None:
    statement = f"""
        insert into changed by name
        select date '2024-01-01' as billing_period, 'acme' as billing_group_id, 'part' as level,
            '{EC2}' as invoice_line_key, tax_category, tax_rate, 0 as net_amount, 0 as credit_amount
        from (values ('S', 19)) as today (tax_category, tax_rate)
    """
    with _with_differences(corrected, tmp_path / "changed.duckdb", statement) as connection:
        found = explain(connection, find_line(connection, "RS-2024-000001/1"))
    assert found.changed_since
    assert not found.shows_today(for_customer=True)
    assert "tax_rate" not in to_json(found, None, for_customer=True).decode()


def test_corrections_and_what_they_correct(corrected: Workspace) -> None:
    assert _parts(_json("RS-CN-2024-000001/1")) == [
        ("today", "", Decimal("80.96")),
        ("issued before", "RS-2024-000001", Decimal("-101.20")),
    ]
    first = _json("RS-2024-000001/1")
    assert _parts(first) == [("today", "", Decimal("80.96")), ("issued since", "RS-CN-2024-000001", Decimal("20.24"))]
    assert first["changed_since"] == ""
    printed = _explain("RS-CN-2024-000001/1").output
    assert "Restatement by AWS" in printed
    assert "-20.24" in printed


def test_a_line_that_is_in_documents_only(corrected: Workspace) -> None:
    refused = _explain(S3)
    assert refused.exit_code == 1
    assert refused.output.strip() == (
        f"{S3} is in no draft any more, and in 2 documents: name one of them, RS-2024-000001/2, RS-CN-2024-000001/2."
    )
    refused = _explain("RS-CN-2024-000001/2", "--rows")
    assert (refused.exit_code, "in no draft any more" in refused.output) == (1, True)
    found = _json("RS-CN-2024-000001/2")
    assert found["line"] is None
    assert _parts(found) == [
        ("today", "", Decimal(0)),
        ("issued before", "RS-2024-000001", Decimal("-50.60")),
    ]
    assert "rows" not in found


def test_a_customer_of_a_changed_line_sees_what_was_issued(restated: Workspace) -> None:
    found = _json("RS-2024-000001/1", "--customer")
    assert found["line"] is None
    assert set(found) == {"line_name", "line", "documents", "document_accounts"}
    assert "80.96" not in json.dumps(found)
    printed = _explain("RS-2024-000001/1", "--customer").output
    assert "not shown as of today" in printed
    assert "80.96" not in printed
    refused = _explain("RS-2024-000001/1", "--customer", "--rows")
    assert (refused.exit_code, "The numbers have changed since it was issued" in refused.output) == (1, True)


def test_by_key_by_number_and_its_rows(restated: Workspace) -> None:
    by_key = _json(EC2, "--rows")
    assert _json("2024-01/acme/1", "--rows") == by_key
    (row,) = by_key["rows"]
    assert (row["source_row_number"], row["aws_cost"], row["billed_cost"].rstrip("0")) == (1, "80.0000000000", "88.")
    assert row["delivery_key"].endswith("delivery-2")
    bridge = [(step["step"], Decimal(step["amount"])) for step in by_key["bridge"]]
    assert bridge == [
        ("list_price", Decimal(80)),
        ("rule", Decimal(8)),
        ("exchange_rate", Decimal("-7.04")),
        ("rounding", Decimal(0)),
    ]
    printed = _explain(EC2, "--rows").output
    assert "Markup of 10 % (price of acme)" in printed
    assert "pricing_rules.csv line 2" in printed
    assert "CUR rows 1" in printed
    assert "Adds up exactly" in printed


def test_files(restated: Workspace, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("line.json", "line.xlsx", "rows.csv", "rows.parquet")]
    to = [argument for path in paths for argument in ("--to", str(path))]
    result = _explain(EC2, "--rows", *to)
    assert result.exit_code == 0, result.output
    assert json.loads(paths[0].read_text("utf-8")) == _json(EC2, "--rows")
    book = load_workbook(paths[1])
    assert book.sheetnames == ["Line", "Documents with this line", "How it adds up", "Accounts", "Charges", "CUR rows"]
    assert paths[2].read_text("utf-8").startswith("delivery_key,source_file,source_row_number,")
    assert duckdb.sql(f"select aws_cost from '{paths[3]}'").fetchall() == [(Decimal(80),)]
    levels = tmp_path / "levels.csv"
    assert _explain(EC2, "--to", str(levels)).exit_code == 0
    assert levels.read_text("utf-8-sig").splitlines()[0].startswith("level,billing_period,")
    again = _explain(EC2, "--to", str(levels))
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    for path, message in ((tmp_path / "line.pdf", "ends in .csv or .json"), (tmp_path / "line.parquet", "Add --rows")):
        refused = _explain(EC2, "--to", str(path))
        assert (refused.exit_code, message in refused.output) == (1, True), refused.output
        assert not path.exists()


def test_for_customers_without_a_cost_of_aws(restated: Workspace) -> None:
    with duckdb.connect(restated.published_file, read_only=True) as connection:
        found = explain(connection, find_line(connection, EC2))
    with line_rows(restated, found.reference, for_customer=True) as rows:
        texts = [*customer_texts(found, rows.fetch()), rows.to_csv().decode()]
    texts += [_explain(EC2, "--customer", "--rows").output, _explain(EC2, "--customer", "--rows", "--json").output]
    assert leaks(found, texts) == set()
    assert all("88" in text for text in texts)
    assert "80.00" in leaks(found, [_explain(EC2).output])


def test_refusals(restated: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    near = _explain("2024-01/acme/usage/-/AmazonEC3")
    assert (near.exit_code, EC2 in near.output) == (1, True)
    assert "RS-2024-000001 has no line 9" in _explain("RS-2024-000001/9").output
    with workspace_lock(restated, "running"):
        # Levels are read from what is published, whatever goes on; rows are not.
        assert _explain(EC2).exit_code == 0
        assert _explain(EC2, "--rows").exit_code == 1
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(tmp_path))
    assert "Nothing is published" in _explain(EC2).output
    other = Workspace.at(tmp_path / "old")
    other.published_file.parent.mkdir(parents=True)
    with duckdb.connect(other.published_file) as connection:
        connection.execute("create schema marts")
    monkeypatch.setenv("CHARGEHOUSE_DATA", str(other.root))
    assert "published by another version" in _explain(EC2).output


def test_rows_of_other_deliveries_are_refused(stages: dict[str, Workspace], tmp_path: Path) -> None:
    workspace = Workspace.at(Path(shutil.copytree(stages["restated"].root, tmp_path / "changed")))
    with duckdb.connect(workspace.published_file, read_only=True) as connection:
        reference = find_line(connection, EC2)
    with duckdb.connect(workspace.warehouse_file) as warehouse:
        # The view of the copy still names the first workspace's files.
        warehouse.execute("update marts.fct_charges set aws_cost = aws_cost + 1 where service_code = 'AmazonEC2'")
    with pytest.raises(ChargehouseError, match="are not those that the charges"), line_rows(workspace, reference):
        pass
    with (
        workspace_lock(workspace, "running"),
        pytest.raises(WorkspaceBusyError),
        line_rows(workspace, reference),
    ):
        pass


@pytest.fixture(scope="module")
def page_of() -> Callable[[AppTest], Any]:
    """Read a page as the unit tests of the pages do."""
    sys.path.insert(0, _UNIT_TESTS)
    module = importlib.import_module("dashboard_page")
    sys.path.remove(_UNIT_TESTS)
    return lambda at: module.Page(at, {}).checked()


def _open(**address: str) -> AppTest:
    at = AppTest.from_file(str(PROJECT_ROOT / "dashboards" / "app.py"), default_timeout=60)
    at.query_params.update(address)
    at.switch_page("views/explain.py")
    return at.run()


def _column(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place] for row in rows]


def test_the_page_explains_a_line(restated: Workspace, page_of: Callable[[AppTest], Any]) -> None:
    at = _open(line=EC2)
    page = page_of(at)
    bridge = page.table("How it adds up")
    assert bridge.rows == [
        ["List price", "80.00", "USD 80.00"],
        ["Markup of 10 % (price of acme)", "8.00", "USD 88.00"],
        ["Exchange rate 0.92 EUR for 1 USD", "-7.04", "EUR 80.96"],
        ["Rounding", "0.00", "EUR 80.96"],
    ]
    assert bridge.foot == [["The line", "", "EUR 80.96"]]
    assert page.table("Accounts").foot[0][-2:] == ["80.96", "0.00"]
    assert "list 80.00 (AWS's charge, no public price) x 1.1 rule price of acme" in page.table("Charges").rows[0][3]
    assert explain_strings.ADDS_UP in page.html
    at.button(key="explain_rows").click().run()
    rows = page_of(at).table("1 row of AWS's")
    assert _column(rows.rows, 4) == ["80.00"]
    assert rows.foot[0][-3:] == ["80.00", "80.00", "88.00"]


def test_the_page_for_a_customer(restated: Workspace, page_of: Callable[[AppTest], Any]) -> None:
    at = _open(line=EC2)
    at.toggle(key="customer_view").set_value(True).run()
    at.button(key="explain_rows").click().run()
    page = page_of(at)
    assert [table.caption for table in page.tables] == ["How it adds up", "Accounts", "Usage", "1 row of AWS's"]
    with duckdb.connect(restated.published_file, read_only=True) as connection:
        found = explain(connection, find_line(connection, EC2))
    shown = "\n".join(cell for table in page.tables for row in (*table.rows, *table.foot) for cell in row)
    assert leaks(found, [shown]) == set()
    assert "88.00" in shown


def test_the_page_of_an_issued_line_and_of_none(restated: Workspace, page_of: Callable[[AppTest], Any]) -> None:
    at = _open(line="RS-2024-000001/1")
    page = page_of(at)
    assert page.table("The issued line").rows == [
        ["What the line comes to today", "80.96"],
        ["Changed since, not issued", "20.24"],
    ]
    assert page.table("The issued line").foot[0][1] == "101.20"
    assert at.warning[0].value.startswith(f"**{explain_strings.CHANGED_SINCE}.** Restatement")
    at = _open(line="2024-01/acme/99")
    assert "The draft of acme for 2024-01 has no line 99." in at.text[0].value
    at = _open(line="![x](https://evil.example/x.png)")
    assert [error.value for error in at.error] == [explain_strings.NOT_EXPLAINED]
    assert "![x](https://evil.example/x.png)" in at.text[0].value
    at = _open()
    listed = page_of(at).table(explain_strings.CHOOSE)
    assert [row[3].splitlines()[-1] for row in listed.rows] == [EC2]


def test_the_page_while_a_run_goes_on(restated: Workspace, page_of: Callable[[AppTest], Any]) -> None:
    at = _open(line=EC2)
    with workspace_lock(restated, "running"):
        at.button(key="explain_rows").click().run()
    assert page_of(at).table("How it adds up").rows
    assert at.warning[-1].value.startswith(f"**{strings.BUSY}.**")
