import json, sys
import pyarrow as pa
import pyarrow.parquet as pq

table = pq.read_table(sys.argv[1])
assert table.schema.field("timestamp").type == pa.timestamp("us", tz="UTC"), table.schema
micros = table["timestamp"].cast(pa.int64()).to_pylist()
for row, micros in zip(table.to_pylist(), micros):
    zone = dict(row["resource_metadata"]).get("zone")
    print(json.dumps([row["seq"], micros, row["timestamp_ns"], row["severity"], row["message"], zone, row["labels"]]))
