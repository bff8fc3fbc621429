"""Hold Spark's vocabularies against DuckDB's: the same files, the same SQL.

    python -m benchmarks.spark_queries --spark build/spark/bin/python --json FILE

Counted are Adult's features, all pairs and buckets included, its numbers, and a log whose cells hold lists. The file
says for each query whether Spark's answer is DuckDB's, and how many rows it has.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import wdl_helpers as wdl  # before TensorFlow: it sets how TensorFlow computes
from benchmarks.results import write
from recommender import sql
from recommender.datasets import adult, visits

import duckdb


def queries(folder):
    """Name → 'files', 'sql', and 'rows', what DuckDB answers."""
    train, _ = adult.load_adult()
    log, _, areas = visits.load_visits()
    rows = visits.visit_rows(log[:20_000], areas, negatives=1)
    for i in range(3):
        train[i::3].to_parquet(folder / f"adult_{i}.parquet", index=False)
        rows[i::3].to_parquet(folder / f"visits_{i}.parquet", index=False)
    wide = adult.wide_features(train)
    visit_features = [("area",), ("visited",), ("visited", "area"), ("visited", "words", "area")]
    singles = [(column,) for column in adult.CATEGORIES]
    query_of = {
        "adult, wide": ("adult", sql.vocabulary_query(wide["features"], set(), wide["boundaries"], 1)),
        "adult, deep": ("adult", sql.vocabulary_query(singles, set(), {}, 5)),
        "visits, lists": ("visits", sql.vocabulary_query(visit_features, {"visited", "words"}, {}, 2)),
        **{f"adult, {column}": ("adult", sql.counts_query(column)) for column in adult.NUMBERS},
    }
    answers = {}
    for name, (data_set, query) in query_of.items():
        files = [str(path) for path in sorted(folder.glob(f"{data_set}_*.parquet"))]
        engine = duckdb.connect()
        engine.execute(f"CREATE VIEW shards AS FROM read_parquet({files})")
        answer = [list(row) for row in engine.execute(query).fetchall()]
        answers[name] = {"files": files, "sql": query, "rows": answer if "ORDER BY" in query else sorted(answer)}
    assert [row[0] for row in answers["adult, wide"]["rows"]] == list(wide["vocabulary"])
    seen = wdl.fit_wide(rows, visit_features, min_count=2)["vocabulary"]
    assert [row[0] for row in answers["visits, lists"]["rows"]] == list(seen)
    return answers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spark", default="build/spark/bin/python", help="the Python that has pyspark")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        asked = queries(folder)
        (folder / "queries.json").write_text(json.dumps(asked))
        script = pathlib.Path(__file__).with_name("spark.py")
        command = [arguments.spark, str(script), "--queries", str(folder / "queries.json")]
        subprocess.run([*command, "--json", str(folder / "same.json")], check=True)
        same = json.loads((folder / "same.json").read_text())
    result = {name: {"same": same[name], "rows": len(query["rows"])} for name, query in asked.items()}
    write(arguments.json, result)


if __name__ == "__main__":
    main()
