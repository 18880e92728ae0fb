"""What a vantage knows of itself: its link, its machine, its clock, its way out and its network.

Nothing here judges, and nothing here lets an address of the volunteer's into a
row: what must be compared is hashed with a key that never enters a database.
"""
