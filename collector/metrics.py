"""What the collector counts, for Prometheus. No label names a probe, a vantage or an address."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one collector."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.rows = Counter(
            "nameblind_rows", "Rows of facts that came in batches that were taken.", ["kind"], registry=self._registry
        )
        self.refusals = Counter(
            "nameblind_refusals", "Requests that were refused, by reason.", ["reason"], registry=self._registry
        )
        self.seconds = Histogram(
            "nameblind_batch_seconds",
            "From a batch's last byte to its answer.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
            registry=self._registry,
        )

    def text(self) -> bytes:
        """Give all of them as Prometheus reads them."""
        return generate_latest(self._registry)
