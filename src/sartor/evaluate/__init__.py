"""Outputs to scores: metrics with intervals, paired comparisons, the verdict, and the errors worth reading."""
