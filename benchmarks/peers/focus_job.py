"""FOCUS rows of every CUR row by focus-converter's own command.

What is here: running it over all files at once; run with ``python focus_job.py LANDING BILLING OUTPUT``.
When to add here: an option with which it does the job in less.
What does not belong here: rating, which focus-converter does not do.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main(landing: Path, _billing: Path, output: Path) -> None:
    """Write FOCUS as Parquet files to the folder ``output``."""
    command = [str(Path(sys.executable).with_name("focus-converter")), "convert", "--provider", "aws"]
    command += ["--data-format", "parquet", "--parquet-data-format", "dataset", "--export-path", str(output)]
    command += ["--export-format", "parquet", "--no-export-include-source-columns"]
    # It takes every file of a folder for data; ours have manifests between them.
    with tempfile.TemporaryDirectory(dir=output.parent) as links:
        for number, file in enumerate(sorted(landing.rglob("*.parquet"))):
            os.link(file, Path(links) / f"{number:04}.parquet")
        subprocess.run([*command, "--data-path", links], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
