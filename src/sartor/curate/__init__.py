"""Dataset version → better dataset version, with a reason for every row."""
