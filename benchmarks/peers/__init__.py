"""Other programs, each doing the yardstick's job in an environment of its own.

What is here: which programs are compared, making their environments, and running them.
When to add here: another program; its job stands in a module of its own beside this one.
What does not belong here: anything of Chargehouse; a peer's module imports nothing but its program.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Cost, MeasuredCommandError, measure
from benchmarks.product import BenchmarkWorkspace

__all__ = ["PEERS", "Peer", "run_peer"]

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


PEERS: tuple[Peer, ...] = ()


def run_peer(peer: Peer, place: BenchmarkWorkspace) -> Cost | str:
    """Return what the peer took for the deliveries of ``place``, or why it could not be measured."""
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
        return measure([*command, str(place.workspace.landing), str(place.workspace.billing), str(output)])
    except MeasuredCommandError as error:
        return f"failed: {str(error).strip().splitlines()[-1]}"
