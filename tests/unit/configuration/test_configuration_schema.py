"""The declarations: the names that other people's files rely on, and their agreement with the types of the "
"rows."""

import dataclasses
from datetime import date
from decimal import Decimal
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from orchestration.configuration.columns import (
    Boolean,
    Column,
    Day,
    Number,
    Period,
    TextList,
    WholeNumber,
)
from orchestration.configuration.intervals import Interval, month_interval
from orchestration.configuration.schema import FILE_BY_NAME, FILES, SETTINGS, Configuration

# Written out once more on purpose: a renamed column breaks every user's files.
CONTRACT = {
    "settings": "setting value",
    "payers": "payer_account_id payer_name billing_export",
    "issuers": "issuer_id legal_name address postal_code city country_code tax_id invoice_prefix currency iban email",
    "customers": "customer_id legal_name address postal_code city subdivision country_code tax_id currency "
    "payment_terms_days email language",
    "billing_groups": "billing_group_id billing_group_name customer_id issuer_id primary_account_id "
    "auto_associate "
    "start_period end_period",
    "account_assignments": "account_id billing_group_id start_date end_date",
    "billing_terms": "billing_group_id start_period end_period pricing_plan_id commitment_policy "
    "upfront_policy "
    "free_tier_policy support_policy support_plan_id bundled_discount_policy negotiated_discount_policy "
    "aws_credit_policy aws_credit_share_percentage refund_policy tax_policy",
    "pricing_plans": "pricing_plan_id pricing_plan_name",
    "pricing_rules": "pricing_rule_id pricing_plan_id scope rule_type percentage rate billing_entity "
    "service_code "
    "usage_type operation region include_fees start_period end_period",
    "pricing_rule_tiers": "pricing_rule_id tier_start tier_end rate",
    "custom_line_items": "custom_line_item_id billing_group_id account_id description charge_type "
    "calculation amount "
    "percentage computation_rule line_item_filter filter_service_code presentation_service "
    "associated_item_ids "
    "start_period end_period",
    "shared_cost_rules": "shared_cost_rule_id description source_kind source_account_id source_service_code "
    "fixed_amount method start_period end_period",
    "shared_cost_targets": "shared_cost_rule_id billing_group_id weight",
    "minimum_commitments": "billing_group_id amount start_date end_date",
    "support_plans": "support_plan_id minimum_amount start_period end_period",
    "support_plan_tiers": "support_plan_id tier_start tier_end percentage start_period end_period",
    "credits": "credit_id billing_group_id owner_account_id description amount currency start_date end_date "
    "eligible_services covers_fees status",
    "tax_rates": "issuer_country_code customer_country_code customer_subdivision customer_tax_id tax_class "
    "tax_category tax_name rate exemption_reason start_date end_date",
    "tax_classes": "service_code tax_class",
    "tax_exemptions": "customer_id account_id tax_category reason certificate start_date end_date",
    "fx_rates": "period from_currency to_currency rate source",
    "aws_invoices": "payer_account_id invoice_id billing_period total_amount currency",
    "budgets": "budget_id billing_group_id amount currency basis thresholds notify start_period end_period",
    "access": "email role customer_id",
    "quality_thresholds": "threshold payer_account_id value start_period end_period",
    "gl_accounts": "posting issuer_id line_kind service_code tax_category account_code account_name",
}

REQUIRED = {
    "settings",
    "payers",
    "issuers",
    "customers",
    "billing_groups",
    "account_assignments",
    "billing_terms",
    "pricing_plans",
    "pricing_rules",
}

COLUMNS = [
    pytest.param(schema, name, column, id=f"{schema.name}.{name}")
    for schema in FILES
    for name, column in schema.columns.items()
]


def test_files_and_columns_are_those_of_the_contract() -> None:
    assert {schema.name: " ".join(schema.columns) for schema in FILES} == CONTRACT
    assert {schema.name for schema in FILES if schema.is_required} == REQUIRED


def test_a_configuration_has_every_file() -> None:
    assert [field.name for field in dataclasses.fields(Configuration)] == [schema.name for schema in FILES]


def test_declarations_name_existing_columns_and_files() -> None:
    for schema in FILES:
        named = [*schema.key, *(schema.interval or ())]
        named += [name for name in (schema.period, schema.parent) if name is not None]
        for column in schema.columns.values():
            named += [when.column for when in (column.needed_when, column.allowed_when) if when is not None]
            item: Any = column.item if isinstance(column, TextList) else column
            target = getattr(item, "refers_to", None)
            assert target is None or target in FILE_BY_NAME
        assert set(named) <= set(schema.columns), schema.name
        assert schema.interval is not None or not schema.is_key_dated


def test_conditions_name_existing_choices() -> None:
    # A misspelt choice would make its column needed never.
    for schema in FILES:
        for column in schema.columns.values():
            for when in (column.needed_when, column.allowed_when):
                if when is not None:
                    choices = getattr(schema.columns[when.column], "choices", ())
                    assert set(when.values) <= set(choices), (schema.name, when)


@pytest.mark.parametrize(("schema", "name", "column"), COLUMNS)
def test_row_types_agree_with_their_columns(schema: Any, name: str, column: Column) -> None:
    hint = get_type_hints(schema.row_type)[name]
    is_optional = get_origin(hint) is UnionType
    found = next(part for part in get_args(hint) if part is not type(None)) if is_optional else hint
    expected: Any = str
    match column:
        case Boolean():
            expected = bool
        case Day() | Period():
            expected = date
        case Number():
            expected = Decimal
        case WholeNumber():
            expected = int
        case TextList():
            expected = tuple[str, ...]
    assert found == expected
    assert is_optional == (column.empty is None and not column.is_always_filled)


@pytest.mark.parametrize(("schema", "name", "column"), COLUMNS)
def test_every_column_is_described_in_one_line(schema: Any, name: str, column: Column) -> None:
    assert column.meaning.endswith(".")
    assert "\n" not in column.meaning
    assert column.domain
    assert column.presence


def test_every_file_and_setting_is_described() -> None:
    assert all(schema.meaning.startswith("One row per ") for schema in FILES)
    assert all("\n" not in schema.meaning for schema in FILES)
    assert all(setting.meaning and setting.default in setting.choices for setting in SETTINGS)


def test_presence_in_words() -> None:
    rules, items = FILE_BY_NAME["pricing_rules"].columns, FILE_BY_NAME["custom_line_items"].columns
    assert rules["scope"].presence == "always"
    assert rules["region"].presence == "optional"
    assert rules["percentage"].presence == "when rule_type is MARKUP or DISCOUNT"
    assert items["computation_rule"].presence == ("when calculation is PERCENTAGE; optional when calculation is FLAT")


def test_months_and_gaps() -> None:
    assert month_interval(date(2024, 12, 1)) == Interval(date(2024, 12, 1), date(2025, 1, 1))
    whole = Interval(date(2024, 1, 1), date.max)
    parts = [
        Interval(date(2024, 3, 1), date(2024, 5, 1)),
        Interval(date(2023, 1, 1), date(2024, 2, 1)),
        Interval(date(2024, 4, 1), date(2024, 4, 2)),
    ]
    assert whole.gaps(parts) == [
        Interval(date(2024, 2, 1), date(2024, 3, 1)),
        Interval(date(2024, 5, 1), date.max),
    ]
    assert whole.gaps([Interval(date(2000, 1, 1), date.max)]) == []
    assert Interval(date(2024, 1, 1), date(2024, 2, 1)).gaps([whole]) == []
    assert whole.gaps([]) == [whole]
    january = Interval(date(2024, 1, 1), date(2024, 2, 1))
    assert january.gaps([Interval(date(2024, 3, 1), date.max)]) == [january]
