import json, sys
import polars as pl

table = pl.read_parquet(sys.argv[1])
assert table.schema["timestamp"] == pl.Datetime("us", "UTC"), table.schema
micros = table["timestamp"].dt.epoch("us").to_list()
for row, micros in zip(table.to_dicts(), micros):
    zone = dict(row["resource_metadata"]).get("zone")
    print(json.dumps([row["seq"], micros, row["timestamp_ns"], row["severity"], row["message"], zone, row["labels"]]))
