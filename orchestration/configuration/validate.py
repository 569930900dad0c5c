"""Reading a whole billing configuration, or refusing it with everything that is wrong with it.

What is here: ``read_configuration`` and the list of checks it makes.
When to add here: a new check, made in the module of its part of billing and named in ``_CHECKS``.
What does not belong here: the checks themselves.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orchestration.configuration.group_charges import (
    check_custom_line_items,
    check_shared_cost_methods,
    check_shared_cost_sources,
    check_shared_cost_targets,
    check_support_plans,
    check_support_tiers,
)
from orchestration.configuration.invoicing import (
    check_credit_amounts,
    check_credit_currencies,
    check_fx_rates,
    check_tax_cases,
    check_tax_rates,
)
from orchestration.configuration.membership import (
    check_assignments_in_group_life,
    check_auto_associate,
    check_terms_without_gap,
)
from orchestration.configuration.pricing import check_pricing_rules, check_rule_tiers, check_rule_ties
from orchestration.configuration.relations import (
    check_conditions,
    check_intervals,
    check_keys,
    check_references,
    check_settings,
)
from orchestration.configuration.schema import FILES, SETTINGS, Configuration, Row, SettingValue
from orchestration.configuration.sheets import Sheet, Sheets, read_sheets
from orchestration.errors import ConfigProblem, ConfigurationError

__all__ = ["read_configuration"]

_CHECKS: tuple[Callable[[Sheets], Iterator[ConfigProblem]], ...] = (
    check_settings,
    check_conditions,
    check_keys,
    check_intervals,
    check_references,
    check_auto_associate,
    check_assignments_in_group_life,
    check_terms_without_gap,
    check_pricing_rules,
    check_rule_tiers,
    check_rule_ties,
    check_custom_line_items,
    check_shared_cost_methods,
    check_shared_cost_targets,
    check_shared_cost_sources,
    check_support_plans,
    check_support_tiers,
    check_credit_amounts,
    check_credit_currencies,
    check_fx_rates,
    check_tax_rates,
    check_tax_cases,
)


def read_configuration(folder: Path) -> Configuration:
    """Read and check the configuration files of a folder.

    Args:
        folder: the workspace's ``billing`` folder, with one CSV file per entry of ``schema.FILES``.

    Returns:
        The whole configuration; files that may be absent and are have no rows.

    Raises:
        ConfigurationError: anything is wrong. Its ``problems`` are all there are, sorted by file, line and
        column.
    """
    sheets, problems = read_sheets(folder)
    for check in _CHECKS:
        problems += check(sheets)
    if problems:
        raise ConfigurationError(sorted(set(problems), key=_place))
    rows: dict[str, Any] = {name: _rows(sheet) for name, sheet in sheets.items()}
    rows["settings"] = _with_defaults(rows["settings"])
    return Configuration(**rows)


def _place(problem: ConfigProblem) -> tuple[int, int, int, str, str]:
    files = {schema.file: position for position, schema in enumerate(FILES)}
    position = files.get(problem.file, -1)
    columns = [] if position < 0 else list(FILES[position].columns)
    column = columns.index(problem.column) if problem.column in columns else -1
    return position, problem.line or 0, column, problem.column or "", str(problem)


def _rows(sheet: Sheet) -> tuple[Row, ...]:
    row_type = sheet.schema.row_type
    return tuple(row_type(source_line=record.line, **dict[str, Any](record.values)) for record in sheet.records)


def _with_defaults(settings: tuple[SettingValue, ...]) -> tuple[SettingValue, ...]:
    given = {row.setting for row in settings}
    defaults = (SettingValue(None, setting.name, setting.default) for setting in SETTINGS if setting.name not in given)
    return (*settings, *defaults)
