"""The yardstick's job by Spark on this machine, in two threads.

What is here: the session and the steps of ``job.sql``; run with ``python spark_job.py LANDING BILLING OUTPUT``.
When to add here: a setting with which Spark does the job in less.
What does not belong here: anything but Spark.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

from pyspark import SparkContext
from pyspark.sql import SparkSession

# Several steps read these; every other one is read once and stays a view.
_KEPT = ("grain", "charges", "invoice_lines", "invoice_line_accounts")
_MEMORY = "4g"


def main(landing: Path, billing: Path, output: Path) -> None:
    """Write charges, invoice lines and their accounts to the folder ``output``."""
    steps = re.split(r"^-- step: (\w+)$", Path(__file__).with_name("job.sql").read_text(encoding="utf-8"), flags=re.M)
    scratch = Path(tempfile.mkdtemp(prefix="benchmark-spark-"))
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", _MEMORY)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.local.dir", str(scratch))
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    try:
        spark.sparkContext.setLogLevel("ERROR")
        (
            spark.read.option("recursiveFileLookup", "true")
            .option("pathGlobFilter", "*.parquet")
            .parquet(str(landing))
            .createOrReplaceTempView("cur")
        )
        for file in sorted(billing.glob("*.csv")):
            spark.read.csv(str(file), header=True).createOrReplaceTempView(file.stem)
        for name, query in zip(steps[1::2], steps[2::2], strict=True):
            result = spark.sql(query)
            if name in _KEPT:
                kept = str(output / f"{name}.parquet")
                result.write.parquet(kept)
                result = spark.read.parquet(kept)
            result.createOrReplaceTempView(name)
    finally:
        gateway = SparkContext._gateway
        spark.stop()
        shutil.rmtree(scratch)
        # Java ends with the stream of its input; only a process that was waited for is accounted for.
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
