"""The parts of the desk's home, each asked once for a page: what waits, the figures, what runs, what came back."""
