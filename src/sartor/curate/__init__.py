"""Making a dataset version better: what is duplicated, leaked or wrong, with a reason for every row."""
