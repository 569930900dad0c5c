"""The command: makes deliveries of a size and form, measures everything on them, and writes ``RESULTS.md``.

What is here: the parts of a measurement, their order, and what is kept of each.
When to add here: another thing to measure.
What does not belong here: how it is measured (``measuring``), what is run (``limits``, ``yardstick``, ``product``,
``peers``), and what the page says (``results``).

Run it with ``.venv/bin/python -m benchmarks --rows 1000000`` from the checkout, or ``make benchmark``. Sizes and forms
are measured one by one, each part is kept as soon as it is done, and the page shows the last measurement of each.
"""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import duckdb
from rich.console import Console

from benchmarks.columns import Form
from benchmarks.deliveries import PERIOD_COUNT
from benchmarks.exactness import compare
from benchmarks.furthest import Profile, furthest_stage
from benchmarks.limits import LIMITS, LIMITS_OF_RESULTS
from benchmarks.measuring import Cost, MeasuredCommandError, measure, median
from benchmarks.peers import PEERS, PeerResult, run_peer
from benchmarks.product import BenchmarkWorkspace
from benchmarks.profiling import costliest_functions, costliest_operators
from benchmarks.results import CHANGES, Measurement, measurement_of, save_measurement, write_page
from benchmarks.stages import StageCosts
from orchestration.settings import PROJECT_ROOT

_CONSOLE = Console(stderr=True)
_PROFILES = Path(__file__).parent / "profiles"


class _Bench:
    """Measures one size and form, part by part; what a part does not measure stays as it was kept."""

    def __init__(self, place: BenchmarkWorkspace, rounds: int, kept: Measurement) -> None:
        self.place = place
        self.round_count = rounds
        self.kept = kept
        self.yardstick = place.workspace.root / "yardstick.duckdb"

    def limits(self) -> None:
        """Measure what reading costs, and the yardstick: at once, one month of it, and month by month."""
        root, form = str(self.place.workspace.root), str(self.place.form)
        commands: dict[str, Callable[[], list[str]]] = {
            "start": lambda: [sys.executable, "-c", "import duckdb"],
            **{case: partial(_module, "limits", case, root, form) for case in LIMITS},
        }
        files = [str(path) for path in sorted(self.place.workspace.landing.rglob("*")) if path.suffix in _DATA]
        if self.place.form is Form.LEGACY_CSV:
            commands["gunzip"] = lambda: ["sh", "-c", 'exec gzip -dc "$@" > /dev/null', "sh", *files]
        else:
            commands["hash files"] = lambda: ["sh", "-c", 'exec sha256sum "$@" > /dev/null', "sh", *files]
        commands["yardstick, one month"] = partial(self._yardstick, "month.duckdb", "1")
        commands["yardstick, month by month"] = partial(self._yardstick, "months.duckdb", str(PERIOD_COUNT), "200MB")
        commands["yardstick"] = partial(self._yardstick, self.yardstick.name)
        self.rounds(commands)

    def stages(self) -> None:
        """Measure a whole run stage by stage, and what is furthest from its limit by profilers."""
        self.place.forget()
        full = self._stage_by_stage("full run")
        self.rounds(
            {
                case: partial(_module, "limits", case, str(self.place.workspace.root), str(self.place.form))
                for case in LIMITS_OF_RESULTS
            }
        )
        root, stage = str(self.place.workspace.root), furthest_stage(full, self.kept.cases)
        node = max(
            (name for name in full.queries if name.startswith(("model.", "test."))), key=lambda name: full.queries[name]
        )
        _PROFILES.mkdir(exist_ok=True)
        file = _PROFILES / f"{self.place.form}-{self.place.row_count}.json"
        with _CONSOLE.status(f"Profiling {node} and {stage}"):
            measure(_module("profiling", root, node, str(file)), self.place.environment, PROJECT_ROOT)
            operators, seconds = costliest_operators(file)
            functions = []
            if stage != "models and tests":
                if stage in _BEFORE_MODELS:
                    self.place.forget()
                statistics = self.place.workspace.root / "stage.profile"
                measure(
                    _module("stages", "--profile", stage, str(statistics), root), self.place.environment, PROJECT_ROOT
                )
                functions = costliest_functions(statistics)
        profile = Profile(stage, node, functions, operators, seconds)
        self.kept = replace(self.kept, profile=profile)

    def run(self) -> None:
        """Measure the commands of a user: a whole run, one with nothing new, a line explained, a FOCUS export."""
        self.place.forget()
        self.product("full run", "run")
        self._yardstick_now()
        self.check("full run")
        self.kept = replace(self.kept, sizes_mb=self.place.size_mb())
        self.product("nothing new", "run")
        with duckdb.connect(self.place.workspace.published_file, read_only=True) as connection:
            found = connection.execute(
                "select invoice_line_key, strftime(billing_period, '%Y-%m'), billing_group_id "
                "from marts.fct_invoice_lines where line_kind = 'usage' "
                "order by net_amount desc, invoice_line_key limit 1"
            ).fetchone()
        assert found is not None
        line, month, group = found
        self.product("explain a line", "explain", line)
        exported = self.place.workspace.root / "focus.parquet"
        exported.unlink(missing_ok=True)
        wanted = ("--period", month, "--group", group, "--to", str(exported))
        self.product("FOCUS export of a group's month", "export", "focus", *wanted)

    def exports(self) -> None:
        """Measure FOCUS of every month, and every line at its rate of one month."""
        self._built()
        folder = self.place.workspace.root / "exported"
        for kind, name in (("focus", "FOCUS export of all months"), ("cur", "pro forma CUR of a month")):
            shutil.rmtree(folder, ignore_errors=True)
            cost = self._measured(name, _module("exports", kind, str(self.place.workspace.root), str(folder)))
            rows = self.kept.exported_rows | {name: int(cost.said.splitlines()[-1])}
            self.kept = replace(self.kept, cases=self.kept.cases | {name: cost}, exported_rows=rows)
        shutil.rmtree(folder)

    def changes(self) -> None:
        """Measure the run after each kind of change, as a command and stage by stage."""
        self._built()
        for kind, change, change_again in (
            ("price", partial(self.place.set_price, "9"), partial(self.place.set_price, "10")),
            ("restated", self.place.restate, partial(self.place.restate, again=True)),
        ):
            name = CHANGES[kind]
            change()
            self.product(name, "run")
            self._yardstick_now()
            self.check(name)
            # A new price makes every month again: of large sizes that takes as long as the whole run did.
            if kind == "restated" or self.place.row_count <= 1_000_000:
                change_again()
                self._stage_by_stage(name)
        self.place.undo_changes()
        self._yardstick_now()

    def peers(self) -> None:
        """Measure other programs on the same job."""
        self._yardstick_now()
        for peer in PEERS:
            outcome = run_peer(peer, self.place, self.yardstick, max(1, self.round_count // 2))
            kept = self.kept
            unavailable = {name: why for name, why in kept.unavailable.items() if name != peer.name}
            if isinstance(outcome, PeerResult):
                _CONSOLE.print(
                    f"{peer.name}: {_told(outcome.cost)}, {outcome.differing_lines} lines differ", highlight=False
                )
                differences = {peer.name: (outcome.differing_lines, outcome.differing_accounts)}
                self.kept = replace(
                    kept,
                    cases=kept.cases | {f"peer: {peer.name}": outcome.cost},
                    peer_differences=kept.peer_differences | differences,
                    unavailable=unavailable,
                )
            else:
                _CONSOLE.print(f"{peer.name}: {outcome}", highlight=False)
                self.kept = replace(kept, unavailable=unavailable | {peer.name: outcome})

    def rounds(self, commands: dict[str, Callable[[], list[str]]]) -> None:
        """Measure several commands in turn, so that all of them meet the same moments of the machine."""
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(self.round_count):
            for name in list(costs):
                try:
                    costs[name].append(self._measured(name, commands[name]()))
                except MeasuredCommandError as error:
                    # A limit of memory can be too little for some sizes: the others are worth knowing all the same.
                    self.failed(name, error)
                    del costs[name]
        found = {name: median(each) for name, each in costs.items()}
        unavailable = {name: why for name, why in self.kept.unavailable.items() if name not in found}
        self.kept = replace(self.kept, cases=self.kept.cases | found, unavailable=unavailable)

    def failed(self, name: str, error: MeasuredCommandError) -> None:
        """Keep that something could not be measured, and why."""
        why = str(error).strip().splitlines()[-1]
        _CONSOLE.print(f"{name} failed: {error}", style="red", highlight=False)
        cases = {case: cost for case, cost in self.kept.cases.items() if case != name}
        self.kept = replace(self.kept, cases=cases, unavailable=self.kept.unavailable | {name: why})

    def product(self, name: str, *arguments: str) -> None:
        """Measure a command of Chargehouse once."""
        cost = self._measured(name, self.place.command(*arguments))
        self.kept = replace(self.kept, cases=self.kept.cases | {name: cost})

    def check(self, name: str) -> None:
        """Compare what is published now with the yardstick's tables."""
        published = self.place.workspace.published_file
        found = compare(published, self.yardstick, self.place.workspace.landing, self.place.form)
        self.kept = replace(self.kept, exactness=self.kept.exactness | {name: found})
        verdict = "equal to the last digit" if found.is_exact else f"DIFFERENT: {found.differences}"
        _CONSOLE.print(f"{name}: {found.charge_count:,} charges, {found.line_count:,} lines, {verdict}")

    def _built(self) -> None:
        """See to it that the workspace has what a whole run publishes, of the rows and prices that it began with."""
        if not self.place.workspace.published_file.exists():
            self._measured("full run, for what follows", self.place.command("run"))
            self._yardstick_now()

    def _stage_by_stage(self, name: str) -> StageCosts:
        with _CONSOLE.status(f"Stage by stage: {name}"):
            command = _module("stages", str(self.place.workspace.root))
            said = measure(command, self.place.environment, PROJECT_ROOT).said
        costs = StageCosts.from_json(said.splitlines()[-1])
        told = ", ".join(f"{stage} {cpu:.1f}" for stage, cpu in costs.stages.items())
        _CONSOLE.print(f"{name}, stage by stage: {told} CPU s", highlight=False)
        self.kept = replace(self.kept, stages=self.kept.stages | {name: costs})
        return costs

    def _yardstick(self, database: str, *further: str) -> list[str]:
        file = self.place.workspace.root / database
        file.unlink(missing_ok=True)
        return _module("yardstick", str(self.place.workspace.root), str(self.place.form), str(file), *further)

    def _yardstick_now(self) -> None:
        with _CONSOLE.status("Yardstick"):
            measure(self._yardstick(self.yardstick.name), self.place.environment, PROJECT_ROOT)

    def _measured(self, name: str, command: Sequence[str]) -> Cost:
        cost = measure(command, self.place.environment, PROJECT_ROOT)
        _CONSOLE.print(f"{name}: {_told(cost)}", highlight=False)
        return cost


_DATA = (".gz", ".parquet")
_BEFORE_MODELS = ("configuration", "ingest", "plan", "raw checks")
_PARTS: dict[str, Callable[[_Bench], None]] = {
    "limits": _Bench.limits,
    "stages": _Bench.stages,
    "run": _Bench.run,
    "exports": _Bench.exports,
    "changes": _Bench.changes,
    "peers": _Bench.peers,
}


def _told(cost: Cost) -> str:
    return f"{cost.cpu_seconds:.2f} CPU s, {cost.wall_seconds:.2f} s, {cost.peak_mb:,.0f} MB"


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", *arguments]


def _parts(_context: click.Context, _parameter: click.Parameter, given: str) -> list[str]:
    wanted = [part.strip() for part in given.split(",")]
    if unknown := [part for part in wanted if part not in _PARTS]:
        raise click.BadParameter(f"{', '.join(unknown)} is none of {', '.join(_PARTS)}.")
    return [part for part in _PARTS if part in wanted]


def _default_rounds(rows: int) -> int:
    """Return fewer rounds for sizes at which one takes minutes."""
    return 5 if rows <= 1_000_000 else 3 if rows <= 10_000_000 else 1


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="CUR rows in all, over 24 months and two payers.")
@click.option(
    "--form", type=click.Choice([str(form) for form in Form]), default=str(Form.LEGACY_PARQUET), show_default=True
)
@click.option(
    "--only",
    default=",".join(part for part in _PARTS if part != "peers"),
    show_default=True,
    callback=_parts,
    help=f"Parts to measure, of {', '.join(_PARTS)}; what is kept of the others stays.",
)
@click.option("--peers", "with_peers", is_flag=True, help="Also measure other programs, each in its own environment.")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help="Rounds of limits, yardstick and, half as many, peers. By default 5, beyond a million rows 3, beyond ten 1.",
)
@click.option("--seed", default=1, show_default=True, help="Another seed makes other rows.")
@click.option("--memory-limit", default="4GB", show_default=True, help="DuckDB's memory in the product.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/var/tmp/chargehouse-benchmark"),
    show_default=True,
    help="Where deliveries and workspaces go; they are kept, so that the next measurement need not make them again.",
)
def main(
    rows: int,
    form: str,
    only: list[str],
    with_peers: bool,
    rounds: int | None,
    seed: int,
    memory_limit: str,
    folder: Path,
) -> None:
    """Measure Chargehouse on made-up deliveries beside what the same work costs at the least."""
    place = BenchmarkWorkspace(folder / f"{form}-{rows}", Form(form), rows, seed, memory_limit)
    _CONSOLE.print(f"Deliveries of {rows:,} rows as {form} in {place.workspace.root}")
    place.make(lambda delivery: _CONSOLE.print(f"  {delivery.period:%Y-%m} of {delivery.export_name}", style="dim"))
    kept = measurement_of(rows, form) or Measurement(rows, form, memory_limit, "")
    kept = replace(kept, memory_limit=memory_limit, machine=_machine())
    bench = _Bench(place, rounds or _default_rounds(rows), kept)
    for part in [*only, *(["peers"] if with_peers and "peers" not in only else [])]:
        try:
            _PARTS[part](bench)
        except MeasuredCommandError as error:
            bench.failed(f"part {part}", error)
        else:
            left = {name: why for name, why in bench.kept.unavailable.items() if name != f"part {part}"}
            bench.kept = replace(bench.kept, unavailable=left)
        measured_at = bench.kept.measured_at | {part: f"{datetime.now(UTC):%Y-%m-%d}"}
        bench.kept = replace(bench.kept, measured_at=measured_at)
        save_measurement(bench.kept)
        write_page()


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
