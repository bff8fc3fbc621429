"""Drawings of notebook 2: the wide model."""

FIGURES = []
