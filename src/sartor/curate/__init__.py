"""Dataset version → better dataset version, with a ledger that says why for every row. One check a file in `checks`."""
