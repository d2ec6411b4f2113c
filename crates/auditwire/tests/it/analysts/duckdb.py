import json, sys
import duckdb

sql = """SELECT seq, epoch_us(timestamp), timestamp_ns, severity, message, resource_metadata['zone'], labels
         FROM read_parquet(?) ORDER BY seq"""
for row in duckdb.execute(sql, [sys.argv[1]]).fetchall():
    print(json.dumps(row))
