"""Issues one invoice of the sample, so that a newcomer sees a document and its PDF.

What is here: the choice of that invoice, and how a workspace is known to hold the sample and nothing else.
When to add here: another thing that the sample shows only after a run.
What does not belong here: approving and issuing (``issuing/desk.py``).
"""

from collections.abc import Callable

import duckdb

from orchestration.issuing import desk
from orchestration.issuing.desk import Outcome
from orchestration.sample.install import EXPECTATIONS_FILE, sample_configuration
from orchestration.settings import Workspace

__all__ = ["issue_first_invoice"]

_BY = "Sample"

_FIRST = """
    select proposed.billing_period, proposed.billing_group_id
    from marts.fct_proposed_documents as proposed
    left join marts.fct_issuing_refusals as refusals using (billing_period, billing_group_id)
    where refusals.refusal is null and proposed.net_amount > 0 and not exists (from marts.fct_documents)
    order by proposed.billing_period, proposed.billing_group_id
    limit 1
"""


def issue_first_invoice(workspace: Workspace, report: Callable[[str], None] = lambda _line: None) -> Outcome | None:
    """Approve and issue the oldest invoice of the sample that nothing speaks against.

    Returns:
        What became of it. None, and nothing was changed, where something is issued already, where nothing can be, and
        where the workspace holds another configuration than the sample's: nobody's own invoices are issued by this.

    Raises:
        ChargehouseError: see ``desk.approve`` and ``desk.issue``.
    """
    if not _is_sample(workspace) or not workspace.published_file.exists():
        return None
    with duckdb.connect(str(workspace.published_file), read_only=True) as connection:
        found = connection.execute(_FIRST).fetchone()
    if found is None:
        return None
    period, group = found
    desk.approve(workspace, period, group, by=_BY)
    [outcome] = desk.issue(workspace, period, group, by=_BY, report=report)
    if outcome.state == "issued":
        desk.build_issued(workspace, period, report)
    return outcome


def _is_sample(workspace: Workspace) -> bool:
    if workspace.ledger_url is not None or not (workspace.root / EXPECTATIONS_FILE).exists():
        return False
    return {file.name: file.read_bytes() for file in workspace.billing.glob("*.csv")} == sample_configuration()
