"""Every cut that a report makes, each with its unit and its reason. A report says what it left out."""

from __future__ import annotations

FINDINGS = 60
"""Paragraphs of the summary. More than a person reads; the states themselves stay in the database."""

OVERVIEW_ROWS = 40
"""Services in the table that opens the summary."""

HEADLINE_NAMES = 6
"""Services named in the headline."""

TIMELINES = 24
"""Vantages drawn. A picture of eight targets is about 20 kB."""

TIMELINE_ROWS = 40
"""Targets drawn for one vantage."""

TIMELINE_COLUMNS = 120
"""Columns of a picture whose slots lie too close to be drawn one by one: 3 px each on a telephone."""

TABLE_RUNS = 150
"""Rows of the table beneath one picture."""

CSV_ROWS = 600
"""Rows of the data behind one picture, about 150 bytes each: a few megabytes for all pictures together."""

EVENTS = 60
"""Events described."""

LEDGER_ENTRIES = 30
"""Entries of one event's ledger on each side, the heaviest first."""

LEDGER_UNFOLDED = 3
"""Of these, entries that stand open on each side; the others are folded."""

LISTED_NAMES = 4
"""Places, networks or identifiers named in a sentence before it says how many more there are."""

PAIR_TESTS = 24
"""Rows of paired tests for one finding, the heaviest first."""

RULES = 24
"""Rows of rules for one finding, the most frequent first."""

WITNESSES = 6
"""Measurements shown in full for one finding: the first of each vantage, then the next ones in time."""

WITNESS_OBSERVATIONS = 14
"""Steps shown of one measurement: those that a rule named, then the others in order."""

DNS_ANSWERS = 3
"""Answers shown of one DNS question."""

SHORT_TEXT_CHARS = 80
"""Names, addresses, titles in a table."""

LONG_TEXT_CHARS = 400
"""Sentences that the analysis wrote."""

QUERY_CHARS = 4000
"""A query is useless when cut: long enough for the longest that is made."""

ANSWERS = 12
"""Sentences that answer one question at the head of a report; the events below have all."""

WHOLE_ROWS = 80
"""Strips of the picture of the whole event: one for each service on each line of each place."""

SCHEMATIC_PLACES = 40
SCHEMATIC_NETWORKS = 12
"""Rows and columns of the schematic."""

CURVES = 6
"""Paired tests drawn as they accumulate, the strongest of each service first."""

CURVE_POINTS = 160
"""Points of one curve: each round, or where there are more the last of each column."""
