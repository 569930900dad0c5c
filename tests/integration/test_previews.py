"""Previews against whole runs: what a preview says of a change is what a run with it does, to the last decimal.

What is expected is read from two published copies, before and after a run, and subtracted here in Python; the preview
works on another copy and subtracts in SQL.
"""

import hashlib
import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from datetime import date
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.errors import BuildError, ChargehouseError, ConfigurationError, WorkspaceBusyError
from orchestration.issuing import desk
from orchestration.previewing import scratch
from orchestration.previewing.comparison import SECTIONS, Preview, preview_change
from orchestration.previewing.pages import summary
from orchestration.runs import run_new
from orchestration.sample.first_invoice import issue_first_invoice
from orchestration.settings import PROJECT_ROOT, Workspace
from orchestration.warehouse import workspace_lock
from tests.integration.configuration_changes import ALL_AT_ONCE, KINDS, change
from tests.integration.resellers import Reseller
from tests.integration.workspaces import built_sample

Values = dict[str, Any]
Key = tuple[Any, ...]
Amounts = tuple[Decimal | None, ...]

pytestmark = pytest.mark.slow

_AUGUST, _SEPTEMBER, _OCTOBER = (date(2026, month, 1) for month in (8, 9, 10))

_RULE = (
    "case when charge_type = 'aws_tax' then 'aws_tax' when pricing_rule_id <> '' then 'pricing_rule' else rating_path "
    "end as kind, coalesce(pricing_rule_id, '') as source_id"
)

# By section and level: its columns that are keys, those that are amounts, and the published rows they are sums of.
_TRUTH: dict[tuple[str, str | None], tuple[str, str, str]] = {
    ("invoices", "group"): (
        "billing_period, billing_group_id, currency",
        "exact_amount_usd, net_amount, credit_amount, tax_amount, total_amount",
        "marts.fct_invoices",
    ),
    ("invoices", "period"): (
        "billing_period, currency",
        "exact_amount_usd, net_amount, credit_amount, tax_amount, total_amount",
        "marts.fct_invoices",
    ),
    ("lines", "line"): (
        "billing_period, billing_group_id, currency, line_kind, source_id, service_code",
        "exact_amount_usd, net_amount, credit_amount",
        "marts.fct_invoice_lines",
    ),
    ("lines", "service"): (
        "billing_period, billing_group_id, currency, service_code",
        "exact_amount_usd, net_amount, credit_amount",
        "marts.fct_invoice_lines",
    ),
    ("rules", None): (
        "billing_period, billing_group_id, kind, source_id",
        "billed_cost",
        f"(select billing_period, billing_group_id, {_RULE}, cast(billed_cost as decimal(38, 24)) as billed_cost "
        "from marts.fct_charges where treatment = 'billed' union all "
        "select billing_period, billing_group_id, kind, source_id, cast(billed_cost as decimal(38, 24)) "
        "from marts.fct_group_charges)",
    ),
    ("taxes", None): (
        "billing_period, billing_group_id, currency, tax_category, tax_name, tax_rate",
        "taxable_amount, tax_amount",
        "marts.fct_invoice_taxes",
    ),
    ("credits", None): ("billing_period, billing_group_id, credit_id, currency", "amount", "marts.fct_credit_ledger"),
    ("margin", "component"): ("billing_period, billing_group_id, component", "amount", "marts.fct_margin"),
    ("margin", "group"): ("billing_period, billing_group_id", "amount", "marts.fct_margin"),
    ("margin", "period"): ("billing_period", "amount", "marts.fct_margin"),
    ("accounts", None): (
        "billing_period, sub_account_id, billing_group_id",
        "row_count, aws_cost, billed_cost",
        "marts.fct_charges",
    ),
    ("problems", None): (
        "billing_period, billing_group_id, problem, subject",
        "row_count, aws_cost, amount_at_stake",
        "marts.fct_open_problems",
    ),
}


def _exactly() -> AbstractContextManager[Context]:
    """Python rounds sums to 28 digits unless told otherwise."""
    return localcontext(prec=60)


def _files(workspace: Workspace) -> dict[str, str]:
    return {
        str(path.relative_to(workspace.root)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(workspace.root.rglob("*"))
    }


def _query(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(workspace.published_file, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def _sums(workspace: Workspace, keys: str, amounts: str, rows: str) -> dict[Key, Amounts]:
    """Return the sums by key; an amount that one row lacks is not known."""
    key_count = len(keys.split(","))
    found: dict[Key, list[Decimal | None]] = {}
    for row in _query(workspace, f"select {keys}, {amounts} from {rows}"):
        sums = found.setdefault(row[:key_count], [Decimal(0)] * (len(row) - key_count))
        for position, amount in enumerate(row[key_count:]):
            known = sums[position]
            with _exactly():
                sums[position] = None if amount is None or known is None else known + amount
    return {key: tuple(sums) for key, sums in found.items()}


def _expected(before: Workspace, after: Workspace, section: tuple[str, str | None]) -> dict[Key, tuple[Amounts, ...]]:
    """Return by key what was, what is, and the difference, where there is one."""
    was, now = (_sums(workspace, *_TRUTH[section]) for workspace in (before, after))
    nothing = (Decimal(0),) * len(_TRUTH[section][1].split(","))
    found = {}
    for key in was.keys() | now.keys():
        old, new = was.get(key, nothing), now.get(key, nothing)
        # A problem without money is one all the same.
        if old != new or (section[0] == "problems" and (key in was) != (key in now)):
            with _exactly():
                differences = tuple(
                    None if first is None or second is None else second - first
                    for first, second in zip(old, new, strict=True)
                )
            found[key] = (old, new, differences)
    return found


def _said(preview: Preview, section: tuple[str, str | None]) -> dict[Key, tuple[Amounts, ...]]:
    name, level = section
    keys, amounts, _rows = _TRUTH[section]
    rows = preview.sections[name] if level is None else preview.level(name, level)
    said = {
        tuple(row[key] for key in keys.split(", ")): tuple(
            tuple(row[f"{amount}_{side}"] for amount in amounts.split(", "))
            for side in ("before", "after", "difference")
        )
        for row in rows
    }
    assert len(said) == len(rows)
    # Words and tax of a line, or the customer of an invoice, may change without an amount.
    return {key: sides for key, sides in said.items() if sides[0] != sides[1] or name == "problems"}


def _proposals(workspace: Workspace) -> dict[Key, Amounts]:
    return {
        row[:3]: row[3:]
        for row in _query(
            workspace,
            "select billing_period, billing_group_id, reference_number, net_amount, credit_amount, tax_amount, "
            "total_amount from marts.fct_proposed_documents where revision > 0",
        )
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The sample months, the first invoice issued, another approved; no test changes it."""
    workspace, _expectations = built_sample(tmp_path_factory, tmp_path_factory.mktemp("built") / "workspace")
    issued = issue_first_invoice(workspace)
    assert issued is not None
    assert issued.state == "issued"
    desk.approve(workspace, _SEPTEMBER, "harbor", "Ada")
    return workspace


@pytest.fixture
def proposed(built: Workspace, tmp_path: Path) -> Path:
    """A copy of the configuration in force, to change."""
    return Path(shutil.copytree(built.billing, tmp_path / "proposed"))


def _run_with(built: Workspace, kinds: tuple[str, ...], folder: Path) -> Workspace:
    after = Workspace.at(Path(shutil.copytree(built.root, folder)))
    change(after.billing, *kinds)
    run_new(after)
    return after


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All changes at once; in full, every kind of change by itself too."""
    if "kinds" in metafunc.fixturenames:
        alone = {kind: (kind,) for kind in KINDS} if metafunc.config.getoption("--faults-in-full") else {}
        made = {"all at once": ALL_AT_ONCE} | alone
        metafunc.parametrize("kinds", list(made.values()), ids=list(made))


@pytest.mark.faults
def test_a_preview_says_what_a_run_does(
    built: Workspace, proposed: Path, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    """Somebody who approves a change by its preview must not find another amount on an invoice."""
    change(proposed, *kinds)
    before = _files(built)

    preview = preview_change(built, proposed)

    assert _files(built) == before
    after = _run_with(built, kinds, tmp_path / "after")
    for section in _TRUTH:
        expected, said = _expected(built, after, section), _said(preview, section)
        if section[0] == "accounts":
            # Only accounts that move are listed, and none of them is left out.
            said_of = {key[:2] for key in said}
            expected = {key: sides for key, sides in expected.items() if sides[2][:2] != (0, 0)}
            assert said_of == {key[:2] for key in expected}
        assert said == expected, section
    was, now = _proposals(built), _proposals(after)
    assert {
        (row["billing_period"], row["billing_group_id"], row["reference_number"]): tuple(
            row[f"{name}_after"] for name in ("net_amount", "credit_amount", "tax_amount", "total_amount")
        )
        for row in preview.sections["documents"]
        if row["effect"] == "correction"
    } == {key: amounts for key, amounts in now.items() if was.get(key) != amounts}
    causes = dict(
        _query(after, "select billing_group_id, cause from marts.fct_proposal_causes where compared_with = 'issued'")
    )
    assert all(
        row["cause"] == causes[row["billing_group_id"]]
        for row in preview.sections["documents"]
        if row["effect"] == "correction"
    )
    approved = {
        (row["billing_period"], row["billing_group_id"])
        for row in preview.sections["documents"]
        if row["effect"] == "approval"
    }
    assert approved == set(
        _query(
            after,
            "select billing_period, billing_group_id from marts.fct_proposed_documents "
            "where lapsed_approval_by is not null",
        )
    )
    if kinds == ALL_AT_ONCE:
        assert preview.touched == (_AUGUST, _SEPTEMBER, _OCTOBER)
        assert {name for name in SECTIONS if not preview.sections[name]} == set()
        assert {row["effect"] for row in preview.sections["documents"]} == {"correction", "approval"}
        assert {row["change"] for row in preview.level("invoices", "group")} == {"added", "gone", "changed", "currency"}
        assert {row.file for row in preview.changes} == {f"{name}.csv" for kind in kinds for name, *_ in KINDS[kind]}


def test_the_same_configuration_does_nothing(built: Workspace, proposed: Path) -> None:
    rules = proposed / "pricing_rules.csv"
    rules.write_text(rules.read_text(encoding="utf-8").replace("MARKUP,8,", "MARKUP,8.00,"), encoding="utf-8")
    settings = proposed / "settings.csv"
    settings.write_text("setting,value\n", encoding="utf-8")
    before = _files(built)
    preview = preview_change(built, proposed)
    assert preview.changes == ()
    assert preview.touched == ()
    assert not preview.has_effect
    assert summary(preview)[-1] == "The two are the same: no row differs, so nothing changes."
    assert _files(built) == before


def test_one_period_is_compared_with_the_draws_before_it(built: Workspace, proposed: Path) -> None:
    """A credit that pays more in September leaves less for October: October alone must know it."""
    change(proposed, "percentage of a rule")
    steps: list[str] = []
    preview = preview_change(built, proposed, [_OCTOBER], report=steps.append)
    assert preview.touched == (_OCTOBER,)
    assert preview.left_out == (_AUGUST, _SEPTEMBER)
    assert {row["billing_period"] for rows in preview.sections.values() for row in rows} == {_OCTOBER}
    # The credits of lumen began in August, so that the months before are built too.
    assert any(step.startswith("Building with the change (2026-08 to 2026-10): ") for step in steps)


def test_what_cannot_be_previewed_is_refused(built: Workspace, proposed: Path, tmp_path: Path) -> None:
    before = _files(built)
    with pytest.raises(ChargehouseError, match="is the configuration in force"):
        preview_change(built, built.billing)
    with pytest.raises(ChargehouseError, match="There is no delivery for 2026-01, 2026-02"):
        preview_change(built, proposed, [date(2026, 2, 1), _AUGUST, date(2026, 1, 1)])
    (proposed / "settings.csv").write_text("setting,value\nmembership_basis,weekly\n", encoding="utf-8")
    (proposed / "fx_rates.csv").unlink()
    (proposed / "customers.csv").unlink()
    with pytest.raises(ConfigurationError) as refused:
        preview_change(built, proposed)
    again = Workspace.at(Path(shutil.copytree(built.root, tmp_path / "again")))
    shutil.rmtree(again.billing)
    shutil.copytree(proposed, again.billing)
    with pytest.raises(ConfigurationError) as of_a_run:
        run_new(again)
    assert str(refused.value) == str(of_a_run.value)
    assert {problem.file for problem in refused.value.problems} == {"settings.csv", "customers.csv"}
    with pytest.raises(ChargehouseError, match=r"There is nothing to compare with.*\n.*2 problems"):
        preview_change(again, built.billing)
    assert _files(built) == before


def test_a_change_that_a_run_would_fail_at_fails_here(
    built: Workspace, proposed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(proposed, "percentage of a rule")
    before = _files(built)

    def fail(*_arguments: object) -> None:
        raise BuildError("assert_invoice_lines_tie: Got 1 result, configured to fail if != 0")

    monkeypatch.setattr(scratch, "build_models", fail)
    with pytest.raises(BuildError, match=r"With .*proposed the billing periods cannot be built.*\n  assert_invoice"):
        preview_change(built, proposed)
    assert _files(built) == before
    with workspace_lock(built, "a run"), pytest.raises(WorkspaceBusyError, match="a run"):
        preview_change(built, proposed)


# --- the pull request -----------------------------------------------------------------------------------------------


@pytest.fixture
def pull_request(tmp_path: Path) -> tuple[Workspace, Path]:
    """A checkout as the workflow has it: the target's workspace, never run, and the configuration of the request."""
    workspace = Workspace.at(tmp_path / "checkout" / "data")
    reseller = Reseller(workspace, {"acme": {}, "birch": {}})
    reseller.deliver([reseller.usage("acme", "100.00"), reseller.usage("birch", "50.00")])
    shutil.move(workspace.landing, tmp_path / "landing")
    proposed = tmp_path / "checkout" / "proposed" / "data" / "billing"
    shutil.copytree(workspace.billing, proposed)
    rules = proposed / "pricing_rules.csv"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("price of acme,acme,GLOBAL,DISCOUNT,0,", "price of acme,acme,GLOBAL,MARKUP,10,"))
    return workspace, proposed


def _workflow() -> dict[str, Any]:
    text = (PROJECT_ROOT / ".github" / "workflows" / "preview.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_the_workflow_writes_the_comment_of_a_pull_request(
    pull_request: tuple[Workspace, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of the workflow as they stand in it, on a workspace that was never run."""
    workspace, _proposed = pull_request
    checkout = workspace.root.parent
    before = _files(workspace)
    programs = tmp_path / "programs"
    programs.mkdir()
    (checkout / ".venv" / "bin").mkdir(parents=True)
    command = checkout / ".venv" / "bin" / "chargehouse"
    python = PROJECT_ROOT / ".venv" / "bin" / "python"
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH={PROJECT_ROOT} exec {python} -c "from orchestration.cli import main; main()" "$@"\n'
    )
    hub = programs / "gh"
    hub.write_text('#!/bin/sh\necho "$@" >> "$GH_CALLS"\nif [ "$2" = --paginate ]; then printf "$GH_FOUND"; fi\n')
    for program in (command, hub):
        program.chmod(0o755)
    environment = {
        **os.environ,
        **{"PATH": f"{programs}:{os.environ['PATH']}", "BILLING": "data/billing", "FAIL_ABOVE": "9.99"},
        **{"CHARGEHOUSE_LANDING": str(tmp_path / "landing"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")},
        **{"GITHUB_REPOSITORY": "reseller/billing", "PULL_REQUEST": "7", "GH_CALLS": str(tmp_path / "calls")},
        "GH_FOUND": "",
    }
    steps = {step["name"]: step["run"] for step in _workflow()["jobs"]["preview"]["steps"] if "name" in step}

    def run(name: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-c", steps[name]],
            cwd=checkout,
            env=environment | extra,
            capture_output=True,
            text=True,
            check=False,
        )

    previewed = run("Preview")
    assert previewed.returncode == 1, previewed.stdout + previewed.stderr
    assert "Invoices that change by more than 9.99: acme 2024-01." in previewed.stdout
    assert run("Report").returncode == 0
    report = (checkout / "report.md").read_text(encoding="utf-8")
    assert report == (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert report.startswith("<!-- chargehouse preview -->\n## What this change of the billing configuration does\n")
    assert (
        "| pricing\\_rules.csv | 2 | price of acme | changed | rule\\_type: DISCOUNT → MARKUP, percentage: 0 → 10 |"
        in report
    )
    assert "2024-01: there is something new that no run has built yet." in report
    assert "| 2024-01 | +10.00 | USD | +10.00 | 0.00 | 0.00 | 150.00 | 160.00 | +10.00 |" in report
    assert run("Comment").returncode == 0
    assert run("Comment", GH_FOUND="41\\n42\\n").returncode == 0
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[1] == "pr comment 7 --repo reseller/billing --body-file report.md"
    assert calls[3] == "api --method PATCH repos/reseller/billing/issues/comments/41 --field body=@report.md"
    # A configuration that cannot be used is said in the comment too.
    (checkout / "preview.md").unlink()
    (checkout / "proposed" / "data" / "billing" / "customers.csv").unlink()
    assert run("Preview").returncode == 1
    assert run("Report").returncode == 0
    report = (checkout / "report.md").read_text(encoding="utf-8")
    assert "customers.csv" in report
    assert "1 problem" in report
    assert _files(workspace) == before


def test_the_workflow_runs_pinned_actions_and_code_of_the_target() -> None:
    """A pull request must not choose the code that sees the secrets."""
    workflow = _workflow()
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True] == {"pull_request": {"paths": ["data/billing/**"]}}
    assert workflow["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
    job = workflow["jobs"]["preview"]
    actions = [step for step in job["steps"] if "uses" in step]
    assert all(len(step["uses"].partition("@")[2]) == 40 for step in actions)
    checkouts = [step["with"] for step in actions if step["uses"].startswith("actions/checkout@")]
    assert [found.get("path") for found in checkouts] == [None, "proposed"]
    assert checkouts[0]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert not any(found["persist-credentials"] for found in checkouts)
    runs = [step.get("run") for step in job["steps"]]
    credentials = next(
        place for place, step in enumerate(job["steps"]) if "configure-aws-credentials" in step.get("uses", "")
    )
    # What is installed sees no secret.
    assert runs.index("make setup") < credentials
    assert not any("secrets." in value or "github.token" in value for value in job["env"].values())
    given = {step["name"]: [*step["env"]] for step in job["steps"] if "env" in step}
    assert given == {"Preview": ["CHARGEHOUSE_LEDGER"], "Comment": ["GH_TOKEN"]}
    for step in job["steps"]:
        # What an attacker may name, such as a branch, never becomes part of a script.
        assert "${{" not in step.get("run", "")
