"""Errors that the pipeline tells apart by their class."""


class RejectedModel(Exception):
    """A model breaks a law, answers otherwise than evaluated, or is too poor."""
