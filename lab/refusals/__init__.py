"""What a server itself does against its visitors, one kind a file. A refusal is nobody's censorship on the way."""
