"""How good the analysis is, against truth that is known: of the lab's runs and of simulated episodes."""
