"""The whole way: from answers that AWS's model allows to files that the loader reads."""

import csv
import json
import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from conductor import OCTOBER, PAYER, Conductor, Import, account, arn, group, story

from orchestration.abc.importing import import_billing_conductor
from orchestration.abc.report import REPORT_FILE
from orchestration.cli import main
from orchestration.configuration.schema import FILES
from orchestration.configuration.validate import read_configuration
from orchestration.errors import BillingConductorError, ChargehouseError


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_whole_conductor_becomes_a_configuration_that_loads(imported: Import) -> None:
    report = imported(story())

    configuration = read_configuration(report.folder)

    assert report.configuration_problems == ()
    assert report.no_counterpart == ()
    assert report.rows == {
        schema.name: len(configuration.rows(schema.name)) for schema in FILES if schema.name in report.rows
    }
    assert configuration.membership_basis == "billing_period"
    assert [(row.billing_group_id, row.start_period, row.auto_associate) for row in configuration.billing_groups] == [
        ("acme-corp", date(2026, 10, 1), False),
        # Created on 10 November: it has no earlier month.
        ("blue-sky", date(2026, 11, 1), True),
    ]
    assert {row.account_id: (row.billing_group_id, row.start_date) for row in configuration.account_assignments} == {
        "111122223333": ("acme-corp", date(2026, 10, 1)),
        "111122223334": ("acme-corp", date(2026, 10, 1)),
        "012345678901": ("blue-sky", date(2026, 11, 1)),
        PAYER: ("blue-sky", date(2026, 11, 1)),
    }
    assert [row.payer_account_id for row in configuration.payers] == [PAYER]
    terms = {row.billing_group_id: row for row in configuration.billing_terms}
    assert [terms[key].pricing_plan_id for key in ("acme-corp", "blue-sky")] == ["retail", "aws-basic"]
    assert [terms[key].free_tier_policy for key in ("acme-corp", "blue-sky")] == ["withhold", "pass_through"]
    for row in configuration.billing_terms:
        assert (row.commitment_policy, row.upfront_policy, row.support_policy) == ("owner_group", "pass", "withhold")
        assert (row.bundled_discount_policy, row.negotiated_discount_policy) == ("pass_through", "withhold")
        assert (row.aws_credit_policy, row.refund_policy, row.tax_policy) == ("withhold", "withhold", "none")


def test_prices_and_amounts_are_exactly_what_aws_printed(imported: Import) -> None:
    configuration = read_configuration(imported(story()).folder)
    assert [(row.scope, row.rule_type, row.percentage) for row in configuration.pricing_rules] == [
        ("GLOBAL", "MARKUP", Decimal("8.25")),
        ("BILLING_ENTITY", "MARKUP", Decimal("0")),
        ("SERVICE", "DISCOUNT", Decimal("5")),
        ("SKU", "DISCOUNT", Decimal("4.5")),
        ("SKU", "TIERED", None),
        ("GLOBAL", "MARKUP", Decimal("8.25")),
    ]
    assert [(row.tier_start, row.tier_end, row.rate) for row in configuration.pricing_rule_tiers] == [
        (Decimal(0), Decimal(10240), Decimal("0.085")),
        (Decimal(10240), None, Decimal("0.0000001")),
    ]
    assert [row.amount or row.percentage for row in configuration.custom_line_items] == [
        Decimal("200"),
        Decimal("250.5"),
        Decimal("2.5"),
        Decimal("2.5"),
        Decimal("1.25"),
    ]


def test_every_arn_is_told_with_its_id(imported: Import) -> None:
    report = imported(story())
    page = (report.folder / REPORT_FILE).read_text(encoding="utf-8")
    told = {own: where for _, own, where in report.ids}
    assert told["acme-corp"] == arn("billinggroup", "groupacme01")
    assert told["retail-plus-eight"] == told["spare-plus-eight"] == arn("pricingrule", "rulemarkup")
    for name, own, where in report.ids:
        assert f"| {name}.csv | {own} | {where} |" in page
        assert own in {next(iter(row.values())) for row in rows(report.folder, name)}


def test_the_report_names_what_only_the_user_knows(imported: Import) -> None:
    report = imported(story(), issuer_name="Brightwater GmbH", country="DE", currency="EUR")
    subjects = {finding.subject for finding in report.to_complete}
    assert {"issuers.csv", "customers.csv", "payers.csv", "billing_terms.csv"} <= subjects
    configuration = read_configuration(report.folder)
    issuer = configuration.issuers[0]
    assert (issuer.legal_name, issuer.country_code, issuer.currency) == ("Brightwater GmbH", "DE", "EUR")
    assert {(row.country_code, row.currency) for row in configuration.customers} == {("DE", "EUR")}


@pytest.mark.parametrize(("option", "value"), [("country", "UK"), ("currency", "EURO")])
def test_a_country_or_currency_that_is_none_is_refused(imported: Import, option: str, value: str) -> None:
    with pytest.raises(ChargehouseError, match=f"{option} '{value}' is not"):
        imported(story(), **{option: value})


def test_from_brings_the_import_to_another_period(imported: Import) -> None:
    conductor = Conductor(
        groups=[group("groupacme01", "Acme", CreationTime=OCTOBER - 86_400 * 800)],
        accounts=[account("111122223333", "groupacme01")],
    )
    configuration = read_configuration(imported(conductor, period=date(2026, 1, 1)).folder)
    assert configuration.billing_groups[0].start_period == date(2026, 1, 1)
    assert configuration.account_assignments[0].start_date == date(2026, 1, 1)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, imported: Import) -> None:
    mine = tmp_path / "billing" / "budgets.csv"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(ChargehouseError, match="is not empty; nothing was written"):
        imported(story())
    assert list(mine.parent.iterdir()) == [mine]


def test_overwrite_replaces_its_own_files_only(tmp_path: Path, imported: Import) -> None:
    folder = tmp_path / "billing"
    folder.mkdir()
    (folder / "tax_classes.csv").write_text("service_code,tax_class\nAmazonS3,reduced\n", encoding="utf-8")
    (folder / "payers.csv").write_text("old", encoding="utf-8")
    report = imported(story(), overwrite=True)
    assert report.configuration_problems == ()
    assert [row.service_code for row in read_configuration(folder).tax_classes] == ["AmazonS3"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_failure_while_writing_leaves_everything_as_it_was(
    tmp_path: Path, imported: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "billing"
    folder.mkdir()
    (folder / "payers.csv").write_text("old", encoding="utf-8")
    rename = Path.rename

    def fail_on_the_new_folder(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(28, os.strerror(28))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_the_new_folder)
    with pytest.raises(ChargehouseError, match="cannot be written: No space left on device; nothing was changed"):
        imported(story(), overwrite=True)
    assert [(path.name, path.read_text(encoding="utf-8")) for path in folder.iterdir()] == [("payers.csv", "old")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["billing", "lists"]


def test_what_the_loader_says_is_in_the_report(imported: Import) -> None:
    conductor = story()
    conductor.rules[2]["ModifierPercentage"] = 120.0
    report = imported(conductor)
    (problem,) = report.configuration_problems
    assert "column percentage: '120' is above 100" in problem
    assert problem.split(":")[1] in (report.folder / REPORT_FILE).read_text(encoding="utf-8")


def _invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["import-abc", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_what_is_left_to_do(tmp_path: Path) -> None:
    files = story().write(tmp_path / "lists")
    code, printed, _ = _invoke(*files, "--to", tmp_path / "billing", "--from", "2026-09")
    assert code == 0
    assert f"Imported into {tmp_path / 'billing'}, from billing period 2026-09 on:" in printed
    assert "Complete this (" in printed
    assert "issuers.csv" in printed
    assert f"{REPORT_FILE}" in printed
    read_configuration(tmp_path / "billing")


def test_the_command_prints_json_for_scripts(tmp_path: Path) -> None:
    conductor = story()
    conductor.groups[0]["Status"] = "PRIMARY_ACCOUNT_MISSING"
    code, printed, _ = _invoke(*conductor.write(tmp_path / "lists"), "--to", tmp_path / "billing", "--json")
    answer = json.loads(printed)
    assert code == 0
    assert answer["imported"]["billing_groups"] == 2
    assert answer["start_period"] == "2026-10"
    assert {"file": "billing_groups.csv", "id": "blue-sky", "arn": arn("billinggroup", "groupblue01")} in answer["ids"]
    assert any("PRIMARY_ACCOUNT_MISSING" in finding["why"] for finding in answer["complete_this"])
    assert answer["no_counterpart"] == answer["configuration_problems"] == []


def test_the_command_refuses_with_every_problem_and_writes_nothing(tmp_path: Path) -> None:
    conductor = story()
    conductor.groups[1]["PrimaryAccountId"] = "12345678901"
    del conductor.rules[0]["Name"]
    files = conductor.write(tmp_path / "lists")
    (tmp_path / "notes.txt").write_text("{not json", encoding="utf-8")
    code, printed, error = _invoke(*files, tmp_path / "notes.txt", "--to", tmp_path / "billing")
    assert (code, printed) == (1, "")
    assert "The lists have 3 problems; nothing was written." in error
    assert "$.BillingGroups[1].PrimaryAccountId: '12345678901' is not an account id of 12 digits" in error
    assert "$.PricingRules[0].Name: is missing" in error
    assert "notes.txt line 1 column 2: 'not json' is not JSON" in error
    assert not (tmp_path / "billing").exists()


def test_usage_is_explained() -> None:
    assert _invoke("--help")[0] == 0
    assert _invoke("--to", "somewhere")[0] == 2


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c.groups.clear() or c.accounts.clear() or c.items.clear() or c.versions.clear()
         or c.resources.clear(), "hold no billing group"),
        (lambda c: c.plans.pop(0), "is the plan of this group, but in no list of plans"),
        (lambda c: c.rules.pop(0), "'rulemarkup' is a rule that no list of rules holds"),
        (lambda c: c.rules_of_plan.pop("planretail"), "the list of its rules was not given"),
        (lambda c: c.groups.pop(1), "is the group of account 012345678901, but in no list of groups"),
        (lambda c: c.resources.update(itemzzzzz1=[]), "is an item that no list of items holds"),
    ],
)  # fmt: skip
def test_a_list_that_is_missing_is_asked_for(imported: Import, damage: object, message: str) -> None:
    conductor = story()
    damage(conductor)  # type: ignore[operator]
    with pytest.raises(BillingConductorError, match=message):
        imported(conductor)


def test_accounts_are_asked_for(tmp_path: Path) -> None:
    files = story().write(tmp_path)
    with pytest.raises(BillingConductorError, match="hold no list of accounts"):
        import_billing_conductor([file for file in files if file.name != "01.json"], tmp_path / "billing")


def test_a_period_is_asked_for_when_no_list_names_one(tmp_path: Path) -> None:
    conductor = Conductor([group("groupacme01", "Acme")], [account("111122223333", "groupacme01")])
    files = conductor.write(tmp_path / "lists")[:2]
    with pytest.raises(BillingConductorError, match="Say the first one with --from"):
        import_billing_conductor(files, tmp_path / "billing")
    import_billing_conductor(files, tmp_path / "billing", period=date(2026, 10, 1))
    read_configuration(tmp_path / "billing")
