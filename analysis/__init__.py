"""From facts to conclusions: evidence, states, events, reports. It opens no socket."""
