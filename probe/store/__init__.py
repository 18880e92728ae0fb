"""The results database: facts in, facts out.

* :mod:`probe.store.models`     the tables, one class each
* :mod:`probe.store.types`      column types that SQLite and PostgreSQL share
* :mod:`probe.store.database`   what the rest of the project uses: open, append, merge, conclude
* :mod:`probe.store.opening`    telling ours from everything else, creating, migrating, refusing
* :mod:`probe.store.connection` what every connection is set to
* :mod:`probe.store.lock`       one probe at a time
* :mod:`probe.store.writing`    one transaction, and why it failed
* :mod:`probe.store.appending`  rows get their place and their hash
* :mod:`probe.store.merging`    rows of other databases, their chains kept
* :mod:`probe.store.canonical`  the one spelling of a row, and its hash
* :mod:`probe.store.chain`      reading a chain in order, and finding where it is broken
* :mod:`probe.store.migrations` the schema's history (Alembic), triggers and views included
"""
