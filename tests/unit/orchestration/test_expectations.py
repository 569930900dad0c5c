"""How checks are declared, run and kept; what each of them finds is shown by the seeded defects (integration)."""

import re
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import great_expectations.expectations as gxe
import pyarrow as pa
import pytest

from orchestration.configuration.load import load_configuration
from orchestration.configuration.schema import Configuration
from orchestration.expectations.catalogue import PAGE, catalogue, catalogue_page, checks_of, default_thresholds
from orchestration.expectations.checking import check_raw
from orchestration.expectations.data_docs import write_data_docs
from orchestration.expectations.limits import limit, prepare_limits
from orchestration.expectations.results import result_of_rows, save_results
from orchestration.expectations.validation import KEPT_FAILURES, CheckResult, Failure, Validations, promise
from orchestration.ingest.register import Register
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse import prepare_control_tables

_TESTS = PROJECT_ROOT / "dbt_project" / "tests" / "singular"


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    prepare_control_tables(connection)
    return connection


def test_the_catalogue_is_closed() -> None:
    """What a dbt test calls its findings is declared, and nothing is declared that no test calls so."""
    called = {
        (file.stem, check_id)
        for file in _TESTS.glob("*.sql")
        for check_id in re.findall(r"'([a-z_]+__[a-z_]+)' as check_id", file.read_text(encoding="utf-8"))
    }
    assert called == {(check.source, check.check_id) for check in catalogue().values() if check.layer == "dbt"}
    # A test that names none of its findings would stop a run without a word.
    assert {file.stem for file in _TESTS.glob("*.sql")} == {source for source, _check_id in called}
    for check in catalogue().values():
        assert check.severity in ("critical", "warning"), check.check_id
        assert check.owner in ("operator", "engineer", "finance"), check.check_id
        for text in (check.promise, check.meaning, check.remedy):
            assert text[0].isupper(), check.check_id
        assert not check.promise.endswith("."), check.check_id
        assert check.meaning.endswith("."), check.check_id
    promises = [(check.source, check.promise) for check in catalogue().values()]
    assert len(set(promises)) == len(promises)


def test_the_page_of_checks_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == catalogue_page(), "run: make docs"


def test_every_limit_is_read_by_a_suite() -> None:
    folder = PROJECT_ROOT / "orchestration" / "expectations"
    code = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    for threshold in default_thresholds():
        assert f'"{threshold.threshold}"' in code, threshold.threshold
        assert Decimal(threshold.value) >= 0


def _validate(amounts: list[Decimal | None]) -> list[CheckResult]:
    table = pa.table(
        {
            "month": pa.array([date(2026, 9, 1)] * len(amounts)),
            "other_cost": pa.array(amounts, pa.decimal128(38, 10)),
        }
    )
    expectation = promise(
        gxe.ExpectColumnValuesToBeInSet, "cur_line_items__cost_landed", column="other_cost", value_set=[0]
    )
    return Validations().run("cur_line_items", table, [expectation], ["month"])


def test_money_is_compared_exactly() -> None:
    """A difference in the tenth decimal is a difference; a tolerance that pandas sneaks in would hide it."""
    assert _validate([Decimal(0), None]) == [CheckResult("cur_line_items__cost_landed", "pass")]
    (found,) = _validate([Decimal(0), Decimal("0.0000000001")])
    assert found.blocks
    assert found.failures == (Failure("2026-09", "other cost 0.0000000001"),)
    assert found.detail == "1 row: 2026-09: other cost 0.0000000001"


def test_failing_rows_are_counted_and_the_first_are_kept() -> None:
    (found,) = _validate([Decimal(number) for number in range(100)])
    assert found.failure_count == 99
    assert len(found.failures) == KEPT_FAILURES
    assert found.detail.endswith("; …")


def test_a_check_that_cannot_be_made_does_not_pass() -> None:
    table = pa.table({"month": pa.array([date(2026, 9, 1)])})
    expectation = promise(gxe.ExpectColumnValuesToBeNull, "cur_line_items__no_row_twice", column="gone")
    (found,) = Validations().run("cur_line_items", table, [expectation], ["month"])
    assert found.blocks
    assert "gone" in found.detail


def test_results_replace_those_of_their_layer_only(connection: duckdb.DuckDBPyConnection) -> None:
    rows = [(f"row {number}", "found") for number in range(KEPT_FAILURES + 5)]
    save_results(connection, "raw", [CheckResult("deliveries__payer_ids", "pass")])
    save_results(connection, "dbt", [result_of_rows("charges__grain", rows)])
    save_results(connection, "dbt", [result_of_rows("charges__grain", rows), result_of_rows("charges__reasons", [])])
    kept = connection.execute(
        "select layer, check_id, status, severity, owner, subject, failure_count from raw.check_results order by all"
    ).fetchall()
    assert kept == [
        ("dbt", "charges__grain", "fail", "critical", "engineer", "charges", KEPT_FAILURES + 5),
        ("dbt", "charges__reasons", "pass", "critical", "engineer", "charges", 0),
        ("raw", "deliveries__payer_ids", "pass", "critical", "operator", "deliveries", 0),
    ]
    failures = connection.execute("select check_id, count(*), max(failure_number) from raw.check_failures group by 1")
    assert failures.fetchall() == [("charges__grain", KEPT_FAILURES, KEPT_FAILURES)]


def test_checks_of_the_run_before_are_forgotten_and_a_report_that_fails_stops_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_configuration(connection, Configuration(**{field.name: () for field in fields(Configuration)}))
    Register(connection, tmp_path / "raw").save([])
    save_results(connection, "dbt", [CheckResult("charges__grain", "pass")])
    (tmp_path / "data_docs.new").write_text("in the way", encoding="utf-8")
    (tmp_path / "data_docs").mkdir()
    (tmp_path / "data_docs" / "cur_line_items.html").write_text("of the run before", encoding="utf-8")
    charge_types = f"'{PROJECT_ROOT / 'dbt_project' / 'seeds' / 'charge_types.csv'}'"
    with caplog.at_level("WARNING", "chargehouse.run"):
        results = check_raw(connection, charge_types, datetime(2026, 1, 1), tmp_path / "data_docs")
    assert results
    assert connection.execute("select distinct layer from raw.check_results").fetchall() == [("raw",)]
    assert "data_docs could not be written" in caplog.text
    assert not (tmp_path / "data_docs").exists()


def test_the_most_precise_limit_in_force_counts(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """
        create schema billing;
        create table billing.quality_thresholds (
            threshold varchar, payer_account_id varchar, value decimal(22, 10), start_period date, end_period date
        );
        insert into billing.quality_thresholds values
            ('fewer_rows', null, 7, '2026-01-01', '2026-06-01'),
            ('fewer_rows', '111111111111', 9, '2026-03-01', null),
            ('lower_cost', '111111111111', null, '2026-01-01', null)
        """
    )
    prepare_limits(connection)

    def value(name: str, payer: str, period: str) -> Decimal | None:
        sql = limit(name, f"'{payer}'", f"date '{period}'")
        found: list[tuple[Decimal | None]] = connection.execute(f"select {sql}").fetchall()
        return found[0][0]

    assert value("fewer_rows", "111111111111", "2025-12-01") == 5
    assert value("fewer_rows", "111111111111", "2026-02-01") == 7
    assert value("fewer_rows", "111111111111", "2026-03-01") == 9
    assert value("fewer_rows", "222222222222", "2026-03-01") == 7
    assert value("fewer_rows", "222222222222", "2026-06-01") == 5
    # An empty value switches a check off.
    assert value("lower_cost", "111111111111", "2026-03-01") is None
    assert value("lower_cost", "222222222222", "2026-03-01") == 5


def test_the_report_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """It stands on a page about bills, and is read without a network; what AWS sent must not run there."""
    table = pa.table({"account": ["<script src=https://elsewhere.example/x.js></script><img src=x onerror=alert(1)>"]})
    validations = Validations()
    expectation = promise(
        gxe.ExpectColumnValuesToMatchRegex, "cur_line_items__account_ids", column="account", regex=r"^\d{12}$"
    )
    validations.run("cur_line_items", table, [expectation], ["account"])
    write_data_docs(validations.outcomes, tmp_path / "data_docs")
    page = (tmp_path / "data_docs" / "cur_line_items.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img)\b", page)
    assert "default-src 'none'" in page
    assert checks_of("cur_line_items")[0].promise in page
    assert "Failed" in page
