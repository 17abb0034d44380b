"""What came of campaigns: the report of one, all verdicts on one scale, comparisons."""
