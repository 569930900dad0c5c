"""The public FOCUS validator, in an environment of its own: it needs another Python and other packages than ours.

What is here: its installation, one run of it, and what we know it to find in our charges, with the reasons.
When to add here: a rule that fails for a reason that stands in docs/exports.md.
What does not belong here: rules that we could keep.
"""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

_PACKAGES = ("focus-validator==2.2.1", "pyarrow<20")
_PYTHON = "3.12"  # the only one for which its numpy has wheels
_SPECIFICATION = "1.2.0.1"

_DRAFT = "the invoice is a draft: the validator asks for an id and for none, whatever the row"
_TOOL = "the validator asks for the status of rows that are tied to nothing"
_UNITS = "units are AWS's, such as Hrs and GB-Mo"
_MONTHS = "nothing is amortised: a purchase is effective when it is billed, and most purchases cover no later charge"
_PARENT = "fails with one of the rules in it"

KNOWN_FAILURES = {
    "InvoiceId-C-005-C": _DRAFT,
    "CapacityReservationStatus-C-004-C": _TOOL,
    "CapacityReservationStatus-C-002-C": _PARENT,
    "CapacityReservationStatus-C-000-C": _PARENT,
    "CommitmentDiscountStatus-C-004-C": _TOOL,
    "CommitmentDiscountStatus-C-002-C": _PARENT,
    "CommitmentDiscountStatus-C-000-C": _PARENT,
    "ConsumedUnit-C-003-O": _UNITS,
    "ConsumedUnit-C-000-C": _PARENT,
    "PricingUnit-C-003-O": _UNITS,
    "PricingUnit-C-000-M": _PARENT,
    "EffectiveCost-C-005-C": _MONTHS,
    "EffectiveCost-C-000-M": _PARENT,
    "CostAndUsage-D-002-M": _PARENT,
    "CostAndUsage-D-000-M": _PARENT,
}
"""Rules that fail in a draft month of all kinds of charges, with every optional rule asked for, and why."""


def installed_validator(config: pytest.Config) -> Path:
    """Return the folder of the environment; it is made in the cache of the test runs, once.

    The test skips where there is no Python 3.12, or the package registry cannot be reached.
    """
    assert config.cache is not None
    folder = config.cache.mkdir("focus-validator-2.2.1") / "environment"
    if (folder / "bin" / "focus-validator").exists():
        return folder
    uv = Path(sys.executable).with_name("uv")
    for arguments in (
        ["venv", "--quiet", "--clear", "--python", str(_python() or _PYTHON), str(folder)],
        ["pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *_PACKAGES],
    ):
        done = subprocess.run([str(uv), *arguments], capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["uv failed"]
            pytest.skip(f"the FOCUS validator cannot be installed: {lines[-1].strip()}")
    return folder


def _python() -> Path | None:
    """Return a Python of that version which pyenv holds, whose shims uv cannot look behind."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return next((folder / "bin" / "python" for folder in sorted(versions.glob(f"{_PYTHON}.*"))), None)


def validate(validator: Path, file: Path, folder: Path) -> list[str]:
    """Return the ids of the rules that a Parquet file breaks, all optional rules included."""
    report = folder / "focus-validator.xml"
    # It looks for its lists below the current folder.
    (packages,) = (validator / "lib").glob("python3*/site-packages")
    done = subprocess.run(
        [
            *(str(validator / "bin" / "focus-validator"), "--data-file", str(file), "--block-download"),
            *("--validate-version", _SPECIFICATION, "--applicability-criteria", "ALL"),
            *("--output-type", "unittest", "--output-destination", str(report)),
        ],
        cwd=packages,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert report.exists(), done.stdout + done.stderr
    cases = [*ElementTree.parse(report).getroot().iter("testcase")]
    # A run that checked nothing would find nothing.
    assert sum(1 for case in cases if len(case) == 0) > 300
    return [
        (case.get("name") or "").split(" ::")[0]
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
