"""The page for people who come from Billing Conductor: its commands, with a stand-in for `aws`."""

import json
import os
import re
import subprocess
from pathlib import Path

from conductor import Answer, arn, story

from orchestration.abc.importing import import_billing_conductor
from orchestration.settings import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "import-from-billing-conductor.md"

# Answers from the file named after the operation, and after the object that --arn or --pricing-plan-arn asks for.
_AWS = """#!/bin/sh
operation=$4
while [ $# -gt 0 ]; do
    case $1 in --arn|--pricing-plan-arn) key=-${2##*/};; esac
    shift
done
exec cat "$(dirname "$0")/$operation$key.json"
"""


def _command_of(operation: str, answer: Answer) -> str:
    """Return the command that gives this answer, with the object it is about."""
    command = re.sub("(?<!^)([A-Z])", r"-\1", operation).lower()
    match operation:
        case "ListPricingRulesAssociatedToPricingPlan":
            about = answer["PricingPlanArn"]
        case "ListCustomLineItemVersions":
            about = answer["CustomLineItemVersions"][0]["Arn"]
        case "ListResourcesAssociatedToCustomLineItem":
            about = answer["Arn"]
        case _:
            return command
    return f"{command}-{about.rpartition('/')[2]}"


def test_the_commands_of_the_page_save_what_the_import_needs(tmp_path: Path) -> None:
    conductor = story()
    conductor.resources["itemfee001"] = []
    answers = tmp_path / "bin"
    answers.mkdir()
    (answers / "aws").write_text(_AWS, encoding="utf-8")
    (answers / "aws").chmod(0o755)
    for operation, answer in conductor.answers():
        (answers / f"{_command_of(operation, answer)}.json").write_text(json.dumps(answer, indent=4), encoding="utf-8")
    script = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)[0]
    saved = tmp_path / "saved"
    saved.mkdir()

    subprocess.run(
        ["bash", "-euc", script], cwd=saved, env={"PATH": f"{answers}:{os.environ['PATH']}"}, check=True, timeout=60
    )

    report = import_billing_conductor(sorted(saved.glob("*.json")), tmp_path / "billing")
    assert report.no_counterpart == report.configuration_problems == ()
    assert not any(found.subject.startswith("custom line item") for found in report.to_complete)
    assert arn("customlineitem", "itemshare1") in {where for _, _, where in report.ids}


def test_the_page_names_every_option() -> None:
    from orchestration.cli import main

    options = {name for option in main.commands["import-abc"].params for name in option.opts if name.startswith("--")}
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in sorted(options) if f"`{name}" not in text] == []
