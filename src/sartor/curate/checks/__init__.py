"""One file a check; importing this package registers them all, in the order in which they are made."""
