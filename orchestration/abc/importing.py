"""The import as a whole: from files of AWS Billing Conductor to a folder of billing configuration.

What is here: ``import_billing_conductor``: read, map, write all files or none, and let the loader judge them.
When to add here: another step of the import.
What does not belong here: what becomes what; that is ``groups``, ``pricing`` and ``custom_line_items``.
"""

import csv
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from orchestration.abc.custom_line_items import check_custom_line_items, map_custom_line_items
from orchestration.abc.groups import Rows, Start, map_groups, terms_rows
from orchestration.abc.objects import key_of
from orchestration.abc.pages import Export, read_export
from orchestration.abc.pricing import check_pricing, map_pricing
from orchestration.abc.report import REPORT_FILE, Finding, Findings, ImportReport
from orchestration.configuration.columns import CellError, Country, Currency
from orchestration.configuration.schema import FILE_BY_NAME, FILES
from orchestration.configuration.validate import read_configuration
from orchestration.errors import BillingConductorError, ChargehouseError, ConfigurationError, ExportProblem

__all__ = ["import_billing_conductor"]


def import_billing_conductor(
    files: Sequence[Path],
    folder: Path,
    *,
    period: date | None = None,
    issuer_name: str = "COMPLETE THIS",
    country: str = "US",
    currency: str = "USD",
    overwrite: bool = False,
) -> ImportReport:
    """Write billing configuration files, and a report beside them, from what Billing Conductor's lists say.

    Args:
        files: JSON answers of the lists, under any names.
        folder: where the files go; made if need be. Files of other names in it stay as they are.
        period: first billing period to import; None for the one that the lists name. Groups created later begin later.
        issuer_name: legal name of the issuer, until somebody completes it.
        country: country of issuer and customers, until somebody completes them.
        currency: their currency, likewise.
        overwrite: whether files that are there already are replaced.

    Raises:
        BillingConductorError: the lists cannot be imported; nothing was written.
        ChargehouseError: the folder holds something already or cannot be written to, or country or currency is none.
    """
    for column, text in ((Country("country"), country), (Currency("currency"), currency)):
        try:
            column.parse(text)
        except CellError as error:
            raise ChargehouseError(f"{column.meaning} {text!r} {error.expected}. {error.what_to_do}") from None
    if folder.exists() and not folder.is_dir():
        raise ChargehouseError(f"{folder} is not a folder; nothing was written. Name another one with --to.")
    if not overwrite and folder.exists() and any(folder.iterdir()):
        raise ChargehouseError(
            f"{folder} is not empty; nothing was written. Name another folder with --to, or replace its files with "
            "--overwrite."
        )
    export = read_export(files)
    problems = [*_check_groups(export), *check_pricing(export), *check_custom_line_items(export)]
    start_period = period or export.billing_period
    if start_period is None and not problems:
        problems.append(
            ExportProblem(
                str(files[0]),
                None,
                None,
                "names no billing period, nor does another file",
                "Say the first one with --from.",
            )
        )
    if problems or start_period is None:
        raise BillingConductorError(problems)
    start = Start(start_period, issuer_name, country, currency)
    rows, ids, findings = _mapped(export, start)
    with _replaced(folder) as draft:
        for name, file_rows in rows.items():
            _write(draft, name, file_rows)
        report = ImportReport(
            folder=folder,
            start_period=f"{start_period:%Y-%m}",
            rows={schema.name: len(rows[schema.name]) for schema in FILES if schema.name in rows},
            ids=ids,
            to_complete=_once(findings.to_complete),
            no_counterpart=_once(findings.no_counterpart),
            configuration_problems=_configuration_problems(draft),
        )
        (draft / REPORT_FILE).write_text(report.markdown(), encoding="utf-8")
    return report


def _check_groups(export: Export) -> Iterator[ExportProblem]:
    if not export.groups:
        yield ExportProblem(
            "The files", None, None, "hold no billing group", "Give the answer of list-billing-groups too."
        )
    if not export.has_accounts and any(group.size != 0 for group in export.groups.values()):
        yield ExportProblem(
            "The files",
            None,
            None,
            "hold no list of accounts, so nobody knows whose usage is whose",
            "Give the answer of list-account-associations too.",
        )
    for account, linked in export.accounts.items():
        if linked.billing_group_arn is not None and key_of(linked.billing_group_arn) not in export.groups:
            yield export.places["LinkedAccounts", account].problem(
                linked.billing_group_arn,
                f"is the group of account {account}, but in no list of groups",
                "Give the answer of list-billing-groups too.",
            )


def _mapped(export: Export, start: Start) -> tuple[Rows, tuple[tuple[str, str, str], ...], Findings]:
    findings = Findings()
    groups, rows = map_groups(export, start, findings)
    pricing = map_pricing(export, start.period, findings)
    items, item_ids = map_custom_line_items(export, groups, findings)
    rows |= terms_rows(groups, pricing.plan_ids, pricing.free_tier) | pricing.rows | {"custom_line_items": items}
    for unknown in export.unknown_fields:
        findings.lacks(
            f"{unknown.place.file}, {unknown.place.path}",
            None,
            f"This field is not known here; it holds {unknown.value}. Imported without it.",
            "Find out what it means before you bill.",
        )
    plan_arns = {key: plan.arn for key, plan in export.plans.items()} | {
        key_of(arn): arn
        for group in export.groups.values()
        if (arn := group.computation_preference.pricing_plan_arn).startswith("arn:")
    }
    ids = [
        *(("billing_groups", imported.id, imported.group.arn) for imported in groups.values()),
        *(("pricing_plans", own, plan_arns[key]) for key, own in pricing.plan_ids.items()),
        *(("pricing_rules", own, arn) for own, arn in pricing.rule_ids),
        *(("custom_line_items", own, arn) for own, arn in item_ids),
    ]
    return rows, tuple(ids), findings


def _once(findings: list[Finding]) -> tuple[Finding, ...]:
    # A rule in several plans, or an item with several versions, is found out several times.
    return tuple(dict.fromkeys(findings))


def _write(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(FILE_BY_NAME[name].columns), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _configuration_problems(folder: Path) -> tuple[str, ...]:
    try:
        read_configuration(folder)
    except ConfigurationError as error:
        return tuple(str(problem) for problem in error.problems)
    return ()


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Give a folder to write into, a copy of ``folder``, that takes its place when everything went well."""
    folder = folder.resolve()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name}.", dir=folder.parent, ignore_cleanup_errors=True
        ) as temporary:
            draft, former = Path(temporary) / "new", Path(temporary) / "former"
            if folder.exists():
                shutil.copytree(folder, draft)
            else:
                draft.mkdir()
            yield draft
            try:
                if folder.exists():
                    folder.rename(former)
                draft.rename(folder)
            except BaseException:
                # What was there must not go with the temporary folder, not even on Ctrl+C.
                if former.exists() and not folder.exists():
                    former.rename(folder)
                raise
    except OSError as error:
        raise ChargehouseError(
            f"{folder} cannot be written: {error.strerror or error}; nothing was changed."
        ) from error
