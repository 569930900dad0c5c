"""Other programs, each doing the yardstick's job in an environment of its own.

What is here: which programs are compared, making their environments, and running them.
When to add here: another program; its job stands in a module of its own beside this one.
What does not belong here: anything of Chargehouse; a peer's module imports nothing but its program.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.columns import Form
from benchmarks.measuring import Cost, MeasuredCommandError, measure
from benchmarks.product import BenchmarkWorkspace

__all__ = ["PEERS", "Peer", "PeerResult", "run_peer"]

_FOLDER = Path(__file__).parent
_ENVIRONMENTS = _FOLDER.parent / ".environments"


@dataclass(frozen=True)
class Peer:
    """A program to compare with.

    Attributes:
        name: as people know it.
        module: the file beside this one that does its job: ``MODULE LANDING BILLING OUTPUT``.
        packages: what its environment holds.
        largest: rows beyond which it is not tried.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    largest: int


PEERS: tuple[Peer, ...] = (Peer("Polars", "polars_job", ("polars>=1.30",), 50_000_000),)


@dataclass(frozen=True)
class PeerResult:
    """What a peer took, and how right it was.

    Attributes:
        cost: of the whole process.
        differing_lines: invoice lines that the yardstick and the peer do not have alike, to the cent.
    """

    cost: Cost
    differing_lines: int


def run_peer(peer: Peer, place: BenchmarkWorkspace, yardstick: Path) -> PeerResult | str:
    """Return what the peer took for the deliveries of ``place``, or why it could not be measured.

    Args:
        peer: the program.
        place: the benchmark's workspace, of a Parquet form.
        yardstick: the yardstick's database of the same files.
    """
    if place.form is Form.LEGACY_CSV:
        return "reads Parquet only"
    if place.row_count > peer.largest:
        return f"not tried beyond {peer.largest:,} rows"
    environment = _ENVIRONMENTS / peer.module
    python = environment / "bin" / "python"
    if not python.exists():
        for command in (
            [sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(environment)],
            [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *peer.packages],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return f"could not be installed: {done.stderr.strip().splitlines()[-1]}"
    output = place.workspace.root / f"{peer.module}.parquet"
    command = [str(python), str(_FOLDER / f"{peer.module}.py")]
    try:
        cost = measure([*command, str(place.workspace.landing), str(place.workspace.billing), str(output)])
    except MeasuredCommandError as error:
        return f"failed: {str(error).strip().splitlines()[-1]}"
    return PeerResult(cost, _differing_lines(output, yardstick))


def _differing_lines(output: Path, yardstick: Path) -> int:
    with duckdb.connect(yardstick, read_only=True) as connection:
        found = connection.execute(
            "select count(*) from invoice_lines as own full join read_parquet(?) as peers "
            'on own.billing_period = peers.period and own.billing_group_id = peers."group" '
            "and own.line_kind = peers.line_kind and own.service_code = peers.service "
            "where own.net_amount is distinct from cast(peers.net_amount as decimal(22, 4))",
            [str(output)],
        ).fetchone()
    assert found is not None
    return int(found[0])
