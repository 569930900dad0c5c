"""What a document was made from (D1), and why a correction differs from it (D5)."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from orchestration.configuration.schema import Configuration
from orchestration.configuration.validate import read_configuration
from orchestration.issuing.provenance import (
    Delivery,
    Origins,
    PeriodSources,
    cause_of_difference,
)
from orchestration.sample.install import write_example_configuration

_SEPTEMBER = date(2026, 9, 1)
_FIRST = Delivery("900000000001", "900000000001/cur/2026-09/first", "a")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_example_configuration(tmp_path)
    return tmp_path


def _origins(folder: Path, *deliveries: Delivery, group: str = "lumen", code: str = "1") -> Origins:
    sources = PeriodSources(read_configuration(folder), _SEPTEMBER, [], code, "run")
    return sources.origins(group, deliveries or (_FIRST,))


def _frozen(origins: Origins) -> dict[str, object]:
    return {
        "deliveries": [vars(delivery) for delivery in origins.deliveries],
        "configuration": origins.configuration,
        "code_version": origins.code_version,
    }


def _rewrite(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_only_rows_that_matter_to_the_group_are_frozen(folder: Path) -> None:
    configuration = read_configuration(folder)
    rows = PeriodSources(configuration, _SEPTEMBER, [], "1", "run").configuration_rows("lumen")
    assert [row["billing_group_id"] for row in rows["billing_groups.csv"]] == ["lumen"]
    assert {row["billing_group_id"] for row in rows["account_assignments.csv"]} == {"lumen"}
    plan = rows["billing_terms.csv"][0]["pricing_plan_id"]
    assert {row["pricing_plan_id"] for row in rows["pricing_rules.csv"]} == {plan}
    assert {row["period"] for row in rows["fx_rates.csv"]} == {"2026-09"}
    customer = rows["billing_groups.csv"][0]["customer_id"]
    assert [row["customer_id"] for row in rows["customers.csv"]] == [customer]
    # As it is written in the file, so that a person finds the row.
    assert rows["billing_groups.csv"][0]["auto_associate"] == "false"
    # A rule of shared costs with all of its targets: the others' weights decide too.
    for rule in rows.get("shared_cost_rules.csv", []):
        targets = [
            row for row in rows["shared_cost_targets.csv"] if row["shared_cost_rule_id"] == rule["shared_cost_rule_id"]
        ]
        assert len(targets) == sum(
            target.shared_cost_rule_id == rule["shared_cost_rule_id"] for target in configuration.shared_cost_targets
        )


def test_a_month_outside_a_row_does_not_freeze_it(folder: Path) -> None:
    configuration: Configuration = read_configuration(folder)
    none = PeriodSources(configuration, date(2020, 1, 1), [], "1", "run").configuration_rows("lumen")
    assert "billing_terms.csv" not in none
    assert "fx_rates.csv" not in none


def test_a_new_delivery_is_a_restatement(folder: Path) -> None:
    frozen = _frozen(_origins(folder))
    again = replace(_FIRST, delivery_key="900000000001/cur/2026-09/second", fingerprint="b")
    assert cause_of_difference(frozen, _origins(folder, again)) == (
        "Restatement by AWS: delivery 900000000001/cur/2026-09/second of payer 900000000001"
    )


def test_a_delivery_that_is_gone_is_named(folder: Path) -> None:
    other = Delivery("900000000002", "900000000002/cur/2026-09/first", "c")
    frozen = _frozen(_origins(folder, _FIRST, other))
    assert cause_of_difference(frozen, _origins(folder, _FIRST)) == (
        "Delivery 900000000002/cur/2026-09/first of payer 900000000002 is gone"
    )


def test_a_changed_row_is_named_with_its_file(folder: Path) -> None:
    frozen = _frozen(_origins(folder))
    plan = _origins(folder).configuration["pricing_rules.csv"]
    rule = next(row for row in plan if row["percentage"])
    _rewrite(
        folder,
        "pricing_rules.csv",
        f"{rule['pricing_rule_id']},{rule['pricing_plan_id']},{rule['scope']},{rule['rule_type']},{rule['percentage']}",
        f"{rule['pricing_rule_id']},{rule['pricing_plan_id']},{rule['scope']},{rule['rule_type']},1.25",
    )
    assert cause_of_difference(frozen, _origins(folder)) == (
        f"Configuration: pricing_rules.csv, {rule['pricing_rule_id']} changed"
    )


def test_both_causes_are_named(folder: Path) -> None:
    frozen = _frozen(_origins(folder))
    _rewrite(folder, "customers.csv", "2100 Foundry Avenue", "2200 Foundry Avenue")
    cause = cause_of_difference(frozen, _origins(folder, replace(_FIRST, fingerprint="b")))
    restatement, configuration = cause.split("; ")
    assert restatement.startswith("Restatement by AWS")
    assert configuration == "Configuration: customers.csv, lumen changed"


def test_what_is_fixed_at_issue_is_no_cause(folder: Path) -> None:
    """Another exchange rate moves no issued amount (I2); to name it would mislead whoever asks."""
    frozen = _frozen(_origins(folder))
    _rewrite(folder, "fx_rates.csv", "2026-09,USD,EUR,0.8529", "2026-09,USD,EUR,0.9529")
    assert cause_of_difference(frozen, _origins(folder, code="2")) == (
        "Calculation: another version of the billing rules"
    )
    assert cause_of_difference(frozen, _origins(folder)).startswith("No delivery or configuration of its own")
    # What was only approved moves with the rate (D1).
    assert cause_of_difference(frozen, _origins(folder), is_issued=False) == (
        "Configuration: fx_rates.csv, 2026-09/USD/EUR changed"
    )


def test_many_changes_are_counted(folder: Path) -> None:
    frozen = _frozen(_origins(folder))
    text = (folder / "account_assignments.csv").read_text(encoding="utf-8").rstrip("\n")
    added = "".join(f"\n90000000100{number},lumen,2026-01-01," for number in range(5))
    (folder / "account_assignments.csv").write_text(text + added + "\n", encoding="utf-8")
    assert cause_of_difference(frozen, _origins(folder)) == (
        "Configuration: account_assignments.csv, 900000001000 added, 900000001001 added, 900000001002 added and 2 more"
    )


def test_a_correction_depends_on_the_parties_and_payers_of_its_document(folder: Path) -> None:
    # The group was another customer's at issue, whose country decides the tax; and nothing of the payer is left in it.
    elsewhere = Delivery("8" * 12, "elsewhere", "f")
    sources = PeriodSources(read_configuration(folder), _SEPTEMBER, [_FIRST, elsewhere], "1", "run")
    document = {
        "customer": {"customer_id": "kranich"},
        "issuer": {"issuer_id": "brightwater-eu"},
        "provenance": {"deliveries": [vars(_FIRST) | {"delivery_key": "before"}]},
    }
    rows = sources.origins("lumen", [], [document])
    assert rows.deliveries == (_FIRST,)
    assert [row["customer_id"] for row in rows.configuration["customers.csv"]] == ["kranich"]
    assert [row["issuer_id"] for row in rows.configuration["issuers.csv"]] == ["brightwater-eu"]
    assert {row["customer_country_code"] for row in rows.configuration["tax_rates.csv"]} == {"DE"}
