"""The report: a self-contained page, and a PDF, that say what was seen, how sure that is, and what it rests on.

* :mod:`analysis.report.write`      the one function that others call
* :mod:`analysis.report.grid`       what the database says of every round: measured, missed, not heard
* :mod:`analysis.report.findings`   the states, gathered into scopes, with their counts
* :mod:`analysis.report.wording`    findings and events in the fixed words of a catalogue
* :mod:`analysis.report.timeline`   the pictures, as places on a true time axis
* :mod:`analysis.report.answer`     what was blocked, what was broken, what cannot be said
* :mod:`analysis.report.whole`      the whole event in one picture, and who was cut off where
* :mod:`analysis.report.accumulated` paired tests over time
* :mod:`analysis.report.quoted`     sentences of the analysis, in the language of the report
* :mod:`analysis.report.citing`     the reference: plain, BibTeX, JSON-LD
* :mod:`analysis.report.blocks`     the same content as blocks, for what is not HTML
* :mod:`analysis.report.pdf`        those blocks, set by Typst
* :mod:`analysis.report.evidence`   the rows behind each finding, to a bounded length
* :mod:`analysis.report.appearance` letter, colour and pattern of each state
* :mod:`analysis.report.inert`      text that came from the network, made harmless

The report concludes nothing: it words the conclusions that the analysis stored.
"""

from __future__ import annotations

from analysis.report.write import write_report

__all__ = ["write_report"]
