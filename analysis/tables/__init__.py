"""The stored tables and views, for whoever asks them: in SQL, as data frames, as files.

* :mod:`analysis.tables.dictionary` what every column means; read from the one page that documents it
* :mod:`analysis.tables.reading`    the rows of a table in a fixed order, a few at a time
* :mod:`analysis.tables.arrow`      the same rows with the types of Apache Arrow
* :mod:`analysis.tables.writing`    a folder with a file for each table, whole or not at all
* :mod:`analysis.tables.asking`     any question in SQL, which can change nothing
* :mod:`analysis.tables.showing`    its answer, for a person or for a program
* :mod:`analysis.tables.results`    what ``nameblind.read`` gives: a method for each table

Nothing here concludes: it hands on what the probe and the analysis stored.
"""
