"""Facts as a lake: Parquet files by table, country and day, to which each run adds what is new. ``docs/lake.md``."""
