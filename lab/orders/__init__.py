"""Kinds of order: one file each, of the same form as a disaster; somebody gives them."""
