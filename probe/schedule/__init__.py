"""Schedules: what to measure, from where, and how often."""
