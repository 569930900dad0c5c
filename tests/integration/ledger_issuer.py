"""A process of its own that issues documents and says so, for tests that start many of them or kill them.

Usage: python -m tests.integration.ledger_issuer WORKSPACE LEDGER_URL INDEX...
Prints `ready`, waits for a line, then prints `INDEX NUMBER` after each document is issued.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.ledger.issuing import IssueRequest
from orchestration.ledger.ledger import Ledger
from orchestration.settings import Workspace
from tests.unit.ledger.ledger_contents import a_content, request_of, with_credit


def request_for(index: int) -> IssueRequest:
    """The same request for the same index, always: two issuers, two series, some with credit draws."""
    today = datetime.now(UTC).date()
    issuer = ("brightwater", "harbor")[index % 2]
    note = index % 5 == 0
    content = a_content(
        group=f"group-{index}",
        kind="credit_note" if note else "invoice",
        nets=[f"{'-' if note else ''}{index + 1}.{index % 100:02d}", "10.00"],
        issuer=issuer,
        prefix=issuer[:2].upper(),
        issue_date=today.isoformat(),
        due_date=(today + timedelta(days=30)).isoformat(),
    )
    if index % 3:
        return request_of(content)
    content, draw = with_credit(content, "-1.00")
    return request_of(content, draws=[draw])


def main(root: str, url: str, *indexes: str) -> None:
    """Issue and report."""
    with Ledger.open(Workspace.at(Path(root), ledger_url=url or None)) as ledger:
        print("ready", flush=True)
        sys.stdin.readline()
        for index in map(int, indexes):
            request = request_for(index)
            if ledger.approval(request.draft) is None:
                try:
                    ledger.approve(request.draft, "Ada")
                except Exception:
                    # Somebody else approved and issued it between the two lines above.
                    if ledger.approval(request.draft) is None:
                        raise
            print(index, ledger.issue(request, "Ben").number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
