"""Puts the example configuration and the sample deliveries into a workspace.

What is here: what ``chargehouse init`` copies, and what the bundled sample consists of.
When to add here: another file that a new workspace starts with.
What does not belong here: running anything on them.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from orchestration.sample.expectations import Expectations
from orchestration.sample.generate import DEFAULT_MONTHS, EXAMPLE_BILLING, generate

__all__ = ["EXPECTATIONS_FILE", "install_sample", "sample_configuration", "write_example_configuration"]

EXPECTATIONS_FILE = "sample_expectations.json"

# The sample's months are over; its payers are not late. A configuration of one's own must not begin with this.
_NOTHING_FOLLOWS = b"""\
threshold,payer_account_id,value,start_period,end_period
late_delivery_hours,,,2020-01,
late_month_days,,,2020-01,
"""


def sample_configuration() -> dict[str, bytes]:
    """Return the sample's configuration, the content of each file by its name: the example's, but nothing is late."""
    examples = {file.name: file.read_bytes() for file in EXAMPLE_BILLING.glob("*.csv")}
    return examples | {"quality_thresholds.csv": _NOTHING_FOLLOWS}


def write_example_configuration(folder: Path) -> list[Path]:
    """Copy the example configuration's files into ``folder``, which is made if need be, and return them.

    Raises:
        FileExistsError: a file of that name is there already; none is overwritten and nothing was copied.
    """
    sources = sorted([*EXAMPLE_BILLING.glob("*.csv"), *EXAMPLE_BILLING.glob("*.toml")])
    for source in sources:
        if (folder / source.name).exists():
            raise FileExistsError(
                f"{folder / source.name} exists already and is kept. "
                "Choose an empty folder for the example configuration."
            )
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(source, folder / source.name)) for source in sources]


def install_sample(
    workspace_root: Path,
    *,
    seed: int = 7,
    months: Sequence[str] = DEFAULT_MONTHS,
    scale: int = 1,
) -> Expectations:
    """Fill a workspace: configuration, deliveries, and ``sample_expectations.json`` beside them.

    ``billing/`` is filled only where it holds no CSV file, and then says that no delivery follows the sample's; what
    the user has there stays. The expectations are those of the example configuration, so they hold as long as
    ``billing/`` is unchanged. Deliveries are written to the workspace's own ``landing/``; other deliveries there stay.
    """
    billing = workspace_root / "billing"
    if not any(billing.glob("*.csv")):
        write_example_configuration(billing)
        for name, content in sample_configuration().items():
            (billing / name).write_bytes(content)
    expectations = generate(workspace_root / "landing", seed=seed, months=months, scale=scale)
    expectations.write(workspace_root / EXPECTATIONS_FILE)
    return expectations
