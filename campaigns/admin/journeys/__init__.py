"""Journeys at the desk: the drawn graph, its editing in place, its sentences, and the people on their way."""
