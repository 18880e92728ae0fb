"""The schema's history: one Alembic revision for each change, never edited once released.

:mod:`probe.store.opening` runs what is due. A new revision is a new file in
``versions``; its number becomes ``HEAD`` there.
"""
