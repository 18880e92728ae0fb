"""Server side of a fleet: it enrols probes and takes their facts, or says why not. ``docs/collector.md``."""
