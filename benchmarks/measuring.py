"""What a command costs: processor seconds, wall seconds and memory of the process and all it started.

What is here: running a command once, and medians over several runs.
When to add here: another cost that the operating system accounts for.
What does not belong here: which commands are measured (``stages``).
"""

import os
import re
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cost", "MeasuredCommandError", "highest_resident", "measure", "median"]

_PAGE = os.sysconf("SC_PAGE_SIZE")
_INTERVAL = 0.1


class MeasuredCommandError(Exception):
    """A command that was to be measured failed; the message ends with what it said."""


@dataclass(frozen=True)
class Cost:
    """What one run of a command took.

    Attributes:
        cpu_seconds: user and system, of the process and every child it waited for.
        wall_seconds: from start to end.
        peak_mb: the most memory that the process and its children held together (what they share counted once), or
            that one of them held by its own high-water mark, looked at ten times a second. Millions of bytes.
        said: what it wrote to its standard output.
        rounds: how many runs the figures are medians of.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    said: str = ""
    rounds: int = 1


def measure(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    seconds: float | None = None,
) -> Cost:
    """Run a command to its end and return what it took.

    Args:
        command: program and arguments.
        environment: of the process; None for this process's own.
        folder: working folder; None for this process's own.
        seconds: it is ended when it takes longer; None for as long as it takes.

    Raises:
        MeasuredCommandError: it ended with another exit code than 0, or was ended.
    """
    started = time.monotonic()
    child = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    # The whole session, as a child that stands still would keep the pipe open.
    alarm = threading.Timer(seconds or threading.TIMEOUT_MAX, os.killpg, (child.pid, signal.SIGKILL))
    alarm.daemon = True
    alarm.start()
    watch = _Watch(child.pid)
    watch.start()
    assert child.stdout is not None
    try:
        said = child.stdout.read()
        _pid, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        # An interrupt of the terminal does not reach another session.
        os.killpg(child.pid, signal.SIGKILL)
        raise
    finally:
        alarm.cancel()
    wall = time.monotonic() - started
    watch.stop()
    # Popen must not wait for a process that is gone.
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        if child.returncode == -signal.SIGKILL:
            raise MeasuredCommandError(f"{' '.join(command)} was ended: out of memory, or after {seconds} seconds")
        raise MeasuredCommandError(f"{' '.join(command)} failed:\n{said[-3000:]}")
    return Cost(
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        wall_seconds=wall,
        # Not ru_maxrss: it begins with the memory of the process that started this one.
        peak_mb=watch.peak_bytes / 1e6,
        said=said,
    )


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure, which need not be of one run; what was said is the last run's."""
    return Cost(
        statistics.median(cost.cpu_seconds for cost in costs),
        statistics.median(cost.wall_seconds for cost in costs),
        statistics.median(cost.peak_mb for cost in costs),
        costs[-1].said,
        len(costs),
    )


class _Watch(threading.Thread):
    """Adds up the resident memory of a process and its descendants while it runs."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._is_over = threading.Event()
        self.peak_bytes = 0

    def run(self) -> None:
        while not self._is_over.wait(_INTERVAL):
            pids = _descendants(self._pid)
            # One process shares nothing with itself; several share libraries and a database's buffers.
            together = _resident(pids[0]) if len(pids) == 1 else sum(_proportional(pid) for pid in pids)
            self.peak_bytes = max(self.peak_bytes, together, *map(highest_resident, pids))

    def stop(self) -> None:
        self._is_over.set()
        self.join()


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for process in found:
        try:
            for task in Path(f"/proc/{process}/task").iterdir():
                found += map(int, (task / "children").read_text(encoding="ascii").split())
        except OSError:
            # It ended while we looked.
            continue
    return found


def highest_resident(pid: int | str) -> int:
    """Return the high-water mark of a process's resident memory in bytes; 0 where there is no such process."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Return a process's memory with its part of what it shares with others."""
    try:
        rolled_up = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", rolled_up, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
