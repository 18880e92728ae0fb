"""Run by Alembic: migrates over the connection that :mod:`probe.store.opening` hands in, within its transaction."""

from __future__ import annotations

from alembic import context

from probe.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table="nameblind_schema",
)
context.run_migrations()
