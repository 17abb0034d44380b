"""Do the statistics tell the truth? Runs where the truth is known, and how often it was told."""
