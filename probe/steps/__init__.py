"""Steps: one network operation each, one observation each."""
