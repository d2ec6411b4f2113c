import json, sys
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
table = spark.read.parquet(sys.argv[1]).orderBy("seq")
rows = table.select(
    f.col("seq").cast("long"), f.unix_micros("timestamp"), "timestamp_ns", "severity", "message",
    f.col("resource_metadata")["zone"], "labels",
).collect()
for row in rows:
    print(json.dumps(list(row)))
spark.stop()
