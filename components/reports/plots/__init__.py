"""Figures of a report: one style, and a file for each kind of figure."""
