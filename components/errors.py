"""Errors that the pipeline tells apart by their class."""


class RejectedModel(Exception):
    """A model breaks a law, or does not answer as the evaluated network did."""
