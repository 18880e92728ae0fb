"""Pages on what a database holds: what is happening, each event with its ledger, each vantage with its health.

Read-only by construction: the database is opened so that it cannot be written, and
no page takes anything but GET. Pages are rendered here, whole, and work without any
script; one small script asks whether there is news, and then puts the new page in
the old one's place. A page is one module in :mod:`analysis.dashboard.pages` with a
function ``page``, and a template of the same name.
"""
