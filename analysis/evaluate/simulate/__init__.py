"""Episodes of an invented Internet whose truth is known: what probes would have recorded of it, in milliseconds.

The world is made of mechanisms (plant that breaks, boxes that read names,
packets that are lost), never of the models by which the analysis reads it.
The lab runs real packets and is the better witness; this runs by thousands.
"""
