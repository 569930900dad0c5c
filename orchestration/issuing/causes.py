"""Why a proposed document differs: from what was issued, or from what somebody approved.

What is here: what an approved draft was made from, kept until its document is issued, and the comparison of each
proposed document with what came before it, as rows that are published for the people who decide.
When to add here: another thing that a proposed document is compared with.
What does not belong here: the comparison itself (``provenance``); amounts.

Both tables stand in the warehouse. When it is deleted, the ledger still says who approved which numbers, but no longer
what these had been made from.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from orchestration.configuration.validate import read_configuration
from orchestration.issuing.proposals import read_delivered, read_deliveries
from orchestration.issuing.provenance import (
    Origins,
    PeriodSources,
    cause_of_difference,
    current_code_version,
)
from orchestration.ledger.ledger import Ledger
from orchestration.settings import Workspace

__all__ = ["ApprovedDraft", "keep_approved", "record_causes"]

_NOT_KNOWN = "What the approved numbers were made from is no longer known"

_COMPARED = """
    with lapsed as (
        select
            proposals.billing_period, proposals.billing_group_id,
            arg_max(approvals.draft_hash, approvals.approval_id) as draft_hash
        from marts.fct_proposed_documents as proposals
        inner join ledger.approvals as approvals using (billing_period, billing_group_id, revision)
        left join ledger.approval_withdrawals as withdrawals using (approval_id)
        where proposals.lapsed_approval_by is not null and withdrawals.approval_id is null
        group by all
    )

    select billing_period, billing_group_id, 'issued' as compared_with, null as total_amount, null as origins
    from marts.fct_proposed_documents
    where revision > 0
    union all
    select lapsed.billing_period, lapsed.billing_group_id, 'approved', approved.total_amount, approved.origins
    from lapsed
    left join raw.approved_drafts as approved using (draft_hash)
    order by billing_period, billing_group_id, compared_with
"""


@dataclass(frozen=True)
class ApprovedDraft:
    """What somebody approved.

    Attributes:
        draft_hash: its hash.
        total_amount: with credits and tax, in the invoice's currency.
        origins: what it was made from.
    """

    draft_hash: str
    total_amount: Decimal
    origins: Origins


def keep_approved(connection: duckdb.DuckDBPyConnection, drafts: Sequence[ApprovedDraft]) -> None:
    """Remember what approved drafts were made from, so that a later difference can be explained (D1)."""
    for draft in drafts:
        connection.execute(
            "insert or replace into raw.approved_drafts values ($1, $2, $3)",
            [draft.draft_hash, draft.total_amount, json.dumps(asdict(draft.origins), ensure_ascii=False)],
        )


def record_causes(connection: duckdb.DuckDBPyConnection, workspace: Workspace, *, only_reads: bool = False) -> None:
    """Write why each correction differs from what was issued (D5), and each lapsed draft from what was approved (D1).

    Args:
        connection: the warehouse, with its models built and schema ``ledger`` loaded.
        workspace: whose configuration and ledger are compared.
        only_reads: the ledger is neither made nor migrated.

    Raises:
        ConfigurationError: the configuration has problems.
        LedgerError: the ledger cannot be opened.
    """
    # Both are views of the models; before the first build they are not there, and nothing is proposed.
    built = connection.execute(
        "select 1 from duckdb_views() where schema_name = 'marts' and view_name = 'fct_proposed_documents'"
    ).fetchone()
    compared = connection.execute(_COMPARED).fetchall() if built else []
    rows = _causes(connection, workspace, compared, only_reads=only_reads) if compared else []
    connection.execute("begin transaction")
    connection.execute("delete from raw.proposal_causes")
    for row in rows:
        connection.execute("insert into raw.proposal_causes values ($1, $2, $3, $4, $5)", row)
    connection.execute("commit")


def _causes(
    connection: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    compared: Sequence[tuple[Any, ...]],
    *,
    only_reads: bool,
) -> list[list[Any]]:
    configuration = read_configuration(workspace.billing)
    groups_of: dict[date, set[str]] = defaultdict(set)
    for period, group, *_ in compared:
        groups_of[period].add(group)
    code_version = current_code_version()
    sources = {
        period: PeriodSources(configuration, period, read_delivered(connection, period), code_version, run_id="")
        for period in groups_of
    }
    deliveries = {period: read_deliveries(connection, period, groups) for period, groups in groups_of.items()}
    rows = []
    with Ledger.open(workspace, only_reads=only_reads) as ledger:
        for period, group, compared_with, total_amount, approved in compared:
            issued = [json.loads(document.content) for document in ledger.documents(f"{period:%Y-%m}", group)]
            now = sources[period].origins(group, deliveries[period].get(group, ()), issued)
            if compared_with == "issued":
                cause = cause_of_difference(issued[-1]["provenance"], now)
            elif approved is None:
                cause = _NOT_KNOWN
            else:
                cause = cause_of_difference(json.loads(approved), now, is_issued=False)
            rows.append([period, group, compared_with, cause, total_amount])
    return rows
