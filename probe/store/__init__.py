"""The results database: facts in, facts out.

* :mod:`probe.store.models`   the tables, one class each
* :mod:`probe.store.types`    column types that SQLite and PostgreSQL share
* :mod:`probe.store.chain`    the row hash chain, and its verification
* :mod:`probe.store.database` opening, migrating, refusing; appending and merging
* :mod:`probe.store.migrations` the schema's history (Alembic), views included
"""
