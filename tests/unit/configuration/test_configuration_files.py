"""Damage to whole files, headers and lines, and all problems of a folder at once."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration.schema import FILES
from orchestration.configuration.validate import read_configuration
from orchestration.errors import ConfigurationError

REQUIRED = [schema.name for schema in FILES if schema.is_required]
OPTIONAL = [schema.name for schema in FILES if not schema.is_required]


def messages(files: Any) -> list[str]:
    return [str(problem) for problem in files.problems()]


def test_values_and_lines_are_those_of_the_files(files: Any) -> None:
    configuration = files.read()
    first, second = configuration.customers
    assert (first.source_line, first.legal_name, first.address) == (2, "Acme, Inc.", "1 Main St\nSuite 2")
    # The first customer's address takes two lines of the file.
    assert second.source_line == 4
    assert configuration.account_assignments[0].account_id == "012345678901"
    assert configuration.pricing_rules[5].rate == Decimal("0.0123456789")
    assert configuration.custom_line_items[2].associated_item_ids == ("c-flat", "c-flat-2")
    assert configuration.membership_basis == "usage_date"


def test_settings_have_defaults(files: Any) -> None:
    files.replace_rows("settings")
    configuration = files.read()
    assert configuration.membership_basis == "usage_date"
    assert [row.source_line for row in configuration.settings] == [None]


def test_given_settings_win_over_defaults(files: Any) -> None:
    files.set("settings", 0, "value", "billing_period")
    assert files.read().membership_basis == "billing_period"


def test_only_required_files_are_required(files: Any) -> None:
    files.set("billing_terms", 1, "support_policy", "withhold")
    files.set("billing_terms", 1, "support_plan_id", "")
    files.drop("pricing_rules", 7)
    files.remove(*OPTIONAL)
    configuration = files.read()
    assert all(configuration.rows(name) == () for name in OPTIONAL)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_required_file_is_one_problem(files: Any, name: str) -> None:
    # Nothing that refers to the missing file is reported: that would bury the cause under its consequences.
    files.remove(name)
    (message,) = messages(files)
    assert message.startswith(f"{name}.csv: is missing, and Chargehouse cannot bill without it. Add it with the header")


def test_a_missing_folder_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_configuration(tmp_path / "nowhere")
    assert len(error.value.problems) == 1
    assert "nowhere: is not a folder" in str(error.value)


def test_a_misnamed_optional_file_is_not_ignored(files: Any) -> None:
    # Ignored, every invoice in another currency would wait for rates that are there.
    folder = files.write()
    (folder / "fx_rates.csv").rename(folder / "fx_rate.csv")
    files.remove("fx_rates")
    assert messages(files) == [
        "fx_rate.csv: is not the name of a configuration file. Rename it to fx_rates.csv if it is meant to "
        "be that, or "
        "move it out of the folder."
    ]


def test_a_misnamed_required_file_is_named(files: Any) -> None:
    folder = files.write()
    (folder / "payers.csv").rename(folder / "Payer.CSV")
    files.remove("payers")
    first, second = messages(files)
    assert first.startswith("Payer.CSV: is not the name of a configuration file. Rename it to payers.csv")
    assert second.startswith("payers.csv: is missing")


@pytest.mark.parametrize("name", ["README.md", "pricing_rules_2023.csv", "notes.csv", "fx_rates.csv.bak"])
def test_other_files_may_lie_in_the_folder(files: Any, name: str) -> None:
    (files.folder / name).write_text("anything")
    assert messages(files) == []


def test_a_byte_order_mark_is_no_column_name(files: Any) -> None:
    # Excel writes one; taken for text, the first column of the file would be missing.
    files.write_bytes("pricing_plans", "\ufeffpricing_plan_id,pricing_plan_name\r\nretail,R\r\nspecial,S\r\n".encode())
    assert messages(files) == []


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings(files: Any, ending: str) -> None:
    lines = ["pricing_plan_id,pricing_plan_name", "retail,R", "special,S", "retail,again"]
    files.write_bytes("pricing_plans", ending.join(lines).encode())
    assert messages(files) == [
        "pricing_plans.csv line 4, column pricing_plan_id: 'retail' stands on line 2 too, but "
        "pricing_plan_id must be "
        "unique. Remove or change one of the two lines."
    ]


def test_text_in_another_encoding(files: Any) -> None:
    files.write_bytes("pricing_plans", "pricing_plan_id,pricing_plan_name\nretail,Größe\nspecial,S\n".encode("cp1252"))
    assert messages(files) == [
        "pricing_plans.csv line 2: is not UTF-8 text (byte 0xf6). "
        'Save the file as UTF-8; spreadsheets call it "CSV UTF-8".'
    ]


def test_utf_16_is_refused(files: Any) -> None:
    files.write_bytes("pricing_plans", "pricing_plan_id,pricing_plan_name\n".encode("utf-16"))
    (message,) = messages(files)
    assert message.startswith("pricing_plans.csv line 1: is not UTF-8 text")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file(files: Any, content: bytes) -> None:
    files.write_bytes("pricing_plans", content)
    assert messages(files) == [
        "pricing_plans.csv line 1: is empty, without even a header. Begin the file with "
        "pricing_plan_id,pricing_plan_name."
    ]


def test_a_quote_that_is_never_closed(files: Any) -> None:
    # Python's reader would otherwise take the rest of the file for one address.
    files.write_bytes("pricing_plans", b'pricing_plan_id,pricing_plan_name\nretail,R\nspecial,"S\nx,X\n')
    (message,) = messages(files)
    assert message.startswith("pricing_plans.csv line 3: is not readable as CSV (unexpected end of data). Close every")


def test_text_after_a_quoted_value(files: Any) -> None:
    files.write_bytes("pricing_plans", b'pricing_plan_id,pricing_plan_name\nretail,"R"x\nspecial,S\n')
    (message,) = messages(files)
    assert message.startswith("pricing_plans.csv line 2: is not readable as CSV")


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_separators(files: Any, mark: str, word: str) -> None:
    header, rows = files.headers["fx_rates"], files.rows["fx_rates"]
    text = "\n".join(mark.join(row).replace(".", ",") for row in [header, *rows])
    files.write_bytes("fx_rates", text.encode())
    assert messages(files) == [
        f"fx_rates.csv line 1: is separated by {word}, not by commas. Save the file with commas between the values."
    ]


def test_columns_in_another_order(files: Any) -> None:
    files.headers["pricing_rule_tiers"].reverse()
    for row in files.rows["pricing_rule_tiers"]:
        row.reverse()
    assert files.read().pricing_rule_tiers[0].rate == Decimal("0.10")


def test_missing_unknown_and_repeated_columns(files: Any) -> None:
    header = files.headers["pricing_rules"]
    header[header.index("region")] = "regions"
    header[header.index("rate")] = "percentage"
    assert messages(files) == [
        "pricing_rules.csv line 1, column regions: is not a column of this file, which has pricing_rule_id, "
        "pricing_plan_id, scope, rule_type, percentage, rate, billing_entity, service_code, usage_type, "
        "operation, "
        "region, include_fees, start_period, end_period. Did you mean 'region'?",
        "pricing_rules.csv line 1, column percentage: stands twice in the header. Keep one of the two.",
        "pricing_rules.csv line 1, column rate: is missing in the header. Add the column; it may stay empty.",
        "pricing_rules.csv line 1, column region: is missing in the header. Add the column; it may stay empty.",
    ]


def test_a_missing_key_column_hides_no_other_problem_and_invents_none(files: Any) -> None:
    header = files.headers["billing_groups"]
    header[header.index("billing_group_id")] = "group"
    files.set("billing_groups", 0, "customer_id", "nobody")
    missing, unknown, dangling = messages(files)
    assert unknown.startswith(
        "billing_groups.csv line 1, column billing_group_id: is missing in the header. Add the "
        "column; every row must fill it in."
    )
    assert missing.startswith("billing_groups.csv line 1, column group: is not a column of this file")
    assert dangling.startswith("billing_groups.csv line 2, column customer_id: 'nobody' is not in customers.csv.")


def test_a_header_cell_without_name(files: Any) -> None:
    files.headers["pricing_plans"].append("")
    for row in files.rows["pricing_plans"]:
        row.append("")
    (message,) = messages(files)
    assert message.startswith("pricing_plans.csv line 1: '' is not a column of this file")


def test_a_file_of_rows_without_header(files: Any) -> None:
    files.write_bytes("pricing_plans", b"retail,Retail\nspecial,Special\n")
    problems = messages(files)
    assert len(problems) == 4
    assert all(problem.startswith("pricing_plans.csv line 1, column ") for problem in problems)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "extra",
            "has 1 value, but the header has 2 columns. Write every comma, also those around empty values.",
        ),
        (
            "extra,Extra, the",
            "has 3 values, but the header has 2 columns. Put values that hold a comma in double",
        ),
    ],
)
def test_lines_of_another_width(files: Any, line: str, message: str) -> None:
    files.write_bytes("pricing_plans", f"pricing_plan_id,pricing_plan_name\nretail,R\n{line}\nspecial,S\n".encode())
    (text,) = messages(files)
    assert text.startswith(f"pricing_plans.csv line 3: {message}")


def test_a_damaged_line_makes_no_dangling_references(files: Any) -> None:
    # Its id may well be there; once the line is mended the references hold.
    files.write_bytes("pricing_plans", b"pricing_plan_id,pricing_plan_name\nretail\nspecial,S\n")
    (text,) = messages(files)
    assert text.startswith("pricing_plans.csv line 2: has 1 value")


def test_blank_lines_and_blanks_around_values_do_not_matter(files: Any) -> None:
    files.write_bytes(
        "pricing_plans", b"\npricing_plan_id , pricing_plan_name\n\n retail ,R\n,\n special,S \xc2\xa0\n,\n\n"
    )
    plans = files.read().pricing_plans
    assert [(plan.source_line, plan.pricing_plan_id, plan.pricing_plan_name) for plan in plans] == [
        (4, "retail", "R"),
        (6, "special", "S"),
    ]


@pytest.mark.parametrize("schema", FILES, ids=lambda schema: schema.name)
def test_every_required_cell_must_be_filled_in(files: Any, schema: Any) -> None:
    for name, column in schema.columns.items():
        original = files.rows[schema.name][0][files.headers[schema.name].index(name)]
        files.set(schema.name, 0, name, "")
        texts = messages(files)
        empty = f"{schema.file} line 2, column {name}: is empty. Fill it in: "
        assert any(text.startswith(empty) for text in texts) == column.is_always_filled, texts
        files.set(schema.name, 0, name, original)


def test_all_problems_of_all_files_at_once(files: Any) -> None:
    # The promise of the contract: one run, one list, in the order of files, lines and columns.
    files.remove("payers", "aws_invoices")
    files.set("settings", 0, "value", "monthly")
    files.set("customers", 1, "currency", "EURO")
    files.set("customers", 1, "country_code", "UK")
    files.set("billing_groups", 1, "customer_id", "acne")
    files.set("billing_groups", 0, "auto_associate", "yes")
    files.set("account_assignments", 0, "account_id", "12345678901")
    files.set("account_assignments", 1, "end_date", "2024-04-01")
    files.set("billing_terms", 2, "commitment_policy", "ondemand")
    files.set("billing_terms", 2, "upfront_policy", "")
    files.drop("billing_terms", 3)
    files.set("pricing_rules", 0, "percentage", "10.125")
    files.add("pricing_rules", "r-all,retail,GLOBAL,MARKUP,5,,,,,,,false,2024-01,")
    files.set("pricing_rule_tiers", 2, "tier_end", "400")
    files.headers["fx_rates"][4] = "sauce"
    golden = (Path(__file__).parent / "all_problems.txt").read_text(encoding="utf-8")
    with pytest.raises(ConfigurationError) as error:
        files.read()
    assert str(error.value) == golden.rstrip("\n")
