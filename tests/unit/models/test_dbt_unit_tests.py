"""dbt's unit tests (``_*__unit_tests.yml``) as part of the test run."""

from unit_test_run import UnitTestRun


def test_every_dbt_unit_test_passes(unit_test_run: UnitTestRun) -> None:
    failures = [f"{it.name}: {it.status}\n{it.message}" for it in unit_test_run.results if it.status != "pass"]
    assert not failures, f"{len(failures)} dbt unit tests failed:\n\n" + "\n".join(failures)


def test_no_dbt_unit_test_is_left_out(unit_test_run: UnitTestRun) -> None:
    # A selection that matches nothing passes in dbt, and would show every rule as proved.
    assert unit_test_run.defined
    assert unit_test_run.defined == {it.name for it in unit_test_run.results}
