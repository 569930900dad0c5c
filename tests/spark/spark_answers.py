"""What Spark answers to queries in DuckDB's SQL: a process in Spark's own environment.

``python -m tests.spark.spark_answers MASTER`` reads a JSON list of queries and prints one list per query: its
rows, each value as text or null, and the types behind them.
"""

import json
import sys
import tempfile
from pathlib import Path


def _main(master: str) -> None:
    from orchestration.spark.dialect import duckdb_type, to_spark
    from orchestration.spark.layout import Exchange
    from orchestration.spark.session import start_session

    session = start_session(Exchange(Path(tempfile.gettempdir()) / "nothing-exchanged"), master)
    answers = []
    for query in json.load(sys.stdin):
        frame = session.sql(to_spark(query, lambda view: dict(session.table(view).dtypes)))
        texts = frame.selectExpr(*(f"cast(`{name}` as string) as `{name}`" for name in frame.columns)).collect()
        answers.append([*([*row] for row in texts), [duckdb_type(kind) for _, kind in frame.dtypes]])
    print(json.dumps(answers))
    session.stop()


if __name__ == "__main__":
    _main(sys.argv[1])
