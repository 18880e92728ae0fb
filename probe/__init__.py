"""What a volunteer's machine runs: it measures, and stores facts. It never judges."""
