"""Asks DuckDB the questions over the segment files: one JSON object of questions on standard input, one of answers out.

Each is asked `rounds` times after one that is not counted; the median counts, as on the other side.
"""

import json
import sqlite3
import statistics
import sys
import time

import duckdb

asked = json.load(sys.stdin)
db = duckdb.connect(config={"threads": asked["threads"]})
db.execute("SET parquet_metadata_cache = true")
db.execute("SET enable_progress_bar = false")
db.execute("SET TimeZone = 'UTC'")
# The store's table says which files count; others wait to be removed.
store = sqlite3.connect(f"file:{asked['data']}/log.sqlite?mode=ro", uri=True)
files = [f"{asked['data']}/segments/{name}" for (name,) in store.execute("SELECT name FROM segments ORDER BY id")]
store.close()
db.execute(f"CREATE VIEW log AS SELECT * FROM read_parquet({files}) WHERE project = 'default'")
answers = {"version": duckdb.__version__, "rows": db.execute("SELECT count(*) FROM log").fetchone()[0], "questions": []}
for question in asked["questions"]:
    took = []
    for _ in range(asked["rounds"] + 1):
        began = time.perf_counter()
        cursor = db.execute(question["sql"])
        rows = cursor.fetchall()
        took.append((time.perf_counter() - began) * 1000)
    match question["answer"]:
        case "events":
            value = len(rows)
        case "number":
            value = rows[0][0]
        case _:
            value = sum(row[-1] for row in rows)
    answers["questions"].append({"ms": statistics.median(took[1:]), "value": value})
if asked.get("export"):
    began = time.perf_counter()
    db.execute("COPY (SELECT * FROM log) TO '/dev/null' (FORMAT json)")
    answers["export_ms"] = (time.perf_counter() - began) * 1000
json.dump(answers, sys.stdout)
