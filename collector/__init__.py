"""Server side of a fleet: it receives facts from many probes. Not built yet; see docs/design/."""
