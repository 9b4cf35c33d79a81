"""Estimates with clustered intervals, ranking agreement, calibration, multiplicity and power. Knows no model and no text."""
