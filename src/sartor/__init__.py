"""Sartor: fine-tuning, made to measure."""
