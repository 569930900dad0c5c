"""The command: makes deliveries of a size and form, measures everything on them, and writes ``RESULTS.md``.

What is here: the order in which things are measured, and what is kept of it.
When to add here: another thing to measure.
What does not belong here: how it is measured (``measuring``), what is run (``limits``, ``yardstick``, ``product``,
``peers``), and what the page says (``results``).

Run it with ``.venv/bin/python -m benchmarks --rows 1000000`` from the checkout, or ``make benchmark``. Sizes and forms
are measured one by one, and the page shows the last measurement of each.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import duckdb
from rich.console import Console

from benchmarks.columns import Form
from benchmarks.exactness import Exactness, compare
from benchmarks.limits import LIMITS
from benchmarks.measuring import Cost, measure, median
from benchmarks.peers import PEERS, PeerResult, run_peer
from benchmarks.product import BenchmarkWorkspace
from benchmarks.results import Measurement, save_measurement, write_page
from benchmarks.stages import StageCosts
from orchestration.settings import PROJECT_ROOT

_CONSOLE = Console(stderr=True)


class _Bench:
    """Measures one size and form, case by case."""

    def __init__(self, place: BenchmarkWorkspace) -> None:
        self.place = place
        self.cases: dict[str, Cost] = {}
        self.exactness: dict[str, Exactness] = {}
        self.stages = StageCosts()
        self.unavailable: dict[str, str] = {}
        self.peer_differences: dict[str, int] = {}

    def rounds(self, count: int, commands: dict[str, Callable[[], list[str]]]) -> None:
        """Measure several commands in turn, so that all of them meet the same moments of the machine."""
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(count):
            for name, command in commands.items():
                costs[name].append(self._measured(name, command()))
        self.cases |= {name: median(found) for name, found in costs.items()}

    def product(self, name: str, *arguments: str) -> str:
        """Measure a command of Chargehouse once; return what it said."""
        self.cases[name] = self._measured(name, self.place.command(*arguments))
        return self.cases[name].said

    def check(self, name: str, yardstick: Path) -> None:
        """Compare what is published now with the yardstick's tables."""
        published = self.place.workspace.published_file
        found = compare(published, yardstick, self.place.workspace.landing, self.place.form)
        self.exactness[name] = found
        verdict = "equal to the last digit" if found.is_exact else f"DIFFERENT: {found.differences}"
        _CONSOLE.print(f"{name}: {found.charge_count:,} charges, {found.line_count:,} lines, {verdict}")

    def _measured(self, name: str, command: Sequence[str]) -> Cost:
        cost = measure(command, self.place.environment, PROJECT_ROOT)
        _CONSOLE.print(
            f"{name}: {cost.cpu_seconds:.2f} CPU s, {cost.wall_seconds:.2f} s, {cost.peak_mb:,.0f} MB", highlight=False
        )
        return cost


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", *arguments]


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="CUR rows in all, over 24 months and two payers.")
@click.option(
    "--form", type=click.Choice([str(form) for form in Form]), default=str(Form.LEGACY_PARQUET), show_default=True
)
@click.option("--rounds", default=5, show_default=True, help="Rounds of limits and yardstick; medians are kept.")
@click.option("--seed", default=1, show_default=True, help="Another seed makes other rows.")
@click.option("--memory-limit", default="4GB", show_default=True, help="DuckDB's memory in the product.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/var/tmp/chargehouse-benchmark"),
    show_default=True,
    help="Where deliveries and workspaces go; they are kept, so that the next measurement need not make them again.",
)
@click.option("--quick", is_flag=True, help="Leave out what happens after a change: another price, a restated month.")
@click.option(
    "--peers", "with_peers", is_flag=True, help="Also measure other programs, each in an environment of its own."
)
def main(
    rows: int, form: str, rounds: int, seed: int, memory_limit: str, folder: Path, quick: bool, with_peers: bool
) -> None:
    """Measure Chargehouse on made-up deliveries beside what the same work costs at the least."""
    place = BenchmarkWorkspace(folder / f"{form}-{rows}", Form(form), rows, seed, memory_limit)
    _CONSOLE.print(f"Deliveries of {rows:,} rows as {form} in {place.workspace.root}")
    place.make(lambda delivery: _CONSOLE.print(f"  {delivery.period:%Y-%m} of {delivery.export_name}", style="dim"))
    bench = _Bench(place)
    root, yardstick = str(place.workspace.root), place.workspace.root / "yardstick.duckdb"

    def yardstick_command() -> list[str]:
        yardstick.unlink(missing_ok=True)
        return _module("yardstick", root, form, str(yardstick))

    commands: dict[str, Callable[[], list[str]]] = {
        case: partial(_module, "limits", case, root, form) for case in LIMITS
    }
    if place.form is Form.LEGACY_CSV:
        files = [str(path) for path in sorted(place.workspace.landing.rglob("*.gz"))]
        commands["gunzip"] = lambda: ["sh", "-c", 'exec gzip -dc "$@" > /dev/null', "sh", *files]
    bench.rounds(
        rounds, {"start": lambda: [sys.executable, "-c", "import duckdb"], **commands, "yardstick": yardstick_command}
    )
    _measure_product(bench, yardstick)
    if not quick:
        _measure_changes(bench, yardstick, yardstick_command)
    sizes = place.size_mb()
    if with_peers:
        for peer in PEERS:
            outcome = run_peer(peer, place, yardstick)
            if isinstance(outcome, PeerResult):
                bench.cases[f"peer: {peer.name}"] = outcome.cost
                bench.peer_differences[peer.name] = outcome.differing_lines
            else:
                bench.unavailable[peer.name] = outcome
    save_measurement(
        Measurement(
            rows=rows,
            form=form,
            memory_limit=memory_limit,
            measured_at=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=_machine(),
            cases=bench.cases,
            stages=bench.stages,
            sizes_mb=sizes,
            exactness=bench.exactness,
            unavailable=bench.unavailable,
            peer_differences=bench.peer_differences,
        )
    )
    write_page()


def _measure_product(bench: _Bench, yardstick: Path) -> None:
    """Measure a run of the product stage by stage and whole, and what reads its results."""
    place = bench.place
    with _CONSOLE.status("Stage by stage"):
        said = measure(_module("stages", str(place.workspace.root)), place.environment, PROJECT_ROOT).said
    bench.stages = StageCosts.from_json(said.splitlines()[-1])
    place.forget()
    bench.product("full run", "run")
    bench.check("full run", yardstick)
    bench.product("nothing new", "run")
    with duckdb.connect(place.workspace.published_file, read_only=True) as connection:
        found = connection.execute(
            "select invoice_line_key, strftime(billing_period, '%Y-%m'), billing_group_id from marts.fct_invoice_lines "
            "where line_kind = 'usage' order by net_amount desc, invoice_line_key limit 1"
        ).fetchone()
    assert found is not None
    line, month, group = found
    bench.product("explain a line", "explain", line)
    exported = place.workspace.root / "focus.parquet"
    exported.unlink(missing_ok=True)
    bench.product(
        "FOCUS export of a group's month",
        *("export", "focus", "--period", month),
        *("--group", group, "--to", str(exported)),
    )


def _measure_changes(bench: _Bench, yardstick: Path, yardstick_command: Callable[[], list[str]]) -> None:
    """Measure the run after each kind of change."""
    place = bench.place
    place.set_price("9")
    bench.product("price changed, all months", "run")
    subprocess.run(yardstick_command(), cwd=PROJECT_ROOT, check=True)
    bench.check("price changed, all months", yardstick)
    place.restate()
    bench.product("one month of 24 restated", "run")
    subprocess.run(yardstick_command(), cwd=PROJECT_ROOT, check=True)
    bench.check("one month of 24 restated", yardstick)
    place.undo_restatement()


def _machine() -> str:
    name = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{os.cpu_count()} cores of {name}, {memory:.0f} GiB, Python {python}, DuckDB {duckdb.__version__}"


if __name__ == "__main__":
    main()
