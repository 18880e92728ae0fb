"""What breaks without anybody wanting it, one file a kind; the signature is :class:`lab.conditions.Disaster`'s."""
