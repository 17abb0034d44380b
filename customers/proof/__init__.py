"""Proof of the ledger that stands outside the database: checkpoints, receipts, and the check of the one by the other."""
