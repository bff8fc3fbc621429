"""The same vocabularies on a cluster's engine: the SQL that DuckDB runs here, run by Spark.

    build/spark/bin/python -m benchmarks.spark --queries FILE --json FILE

It has an environment of its own (`make build/spark/installed`) and needs Java, so it imports neither TensorFlow nor the
helpers. `benchmarks/spark_queries.py` writes the queries and what DuckDB answered, and calls this script, which runs
them with Spark in local mode and says for each whether the answer is the same, row by row and in the same order.
"""

import argparse
import json
import pathlib


def run(queries):
    """Name of each query → whether Spark's rows are those that were expected."""
    from pyspark.sql import SparkSession

    # Two settings make Spark read standard SQL: "a" is a column, and a backslash is a backslash.
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.ansi.doubleQuotedIdentifiers", "true")
        .config("spark.sql.parser.escapedStringLiterals", "true")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    same = {}
    for name, query in queries.items():
        spark.read.parquet(*query["files"]).createOrReplaceTempView("shards")
        sql = query["sql"].replace("unnest(", "explode(")  # the one word that Spark has another name for
        found = [list(row) for row in spark.sql(sql).collect()]
        same[name] = (found if "ORDER BY" in query["sql"] else sorted(found)) == query["rows"]
    spark.stop()
    return same


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=pathlib.Path, required=True, help="what spark_queries.py wrote")
    parser.add_argument("--json", type=pathlib.Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    result = run(json.loads(arguments.queries.read_text()))
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
