"""From a probe to a collector: batches of facts, signed, sent again until they are stored. ``docs/uplink.md``."""
