"""The table of reports: what is measured of each task's trained network."""


def report(name):
    """The function that reports on a network of the task called `name`.

    Each is called with (task, data, network, scale, encoder, *, loss, num_bins,
    beam_size, length_penalty), takes the keywords that it needs, and returns a Report.

    Args:
        name: of the task.

    Raises:
        ValueError: an unknown name.
    """
    match name:
        case "binary":
            from phistar.components.reports.binary import report

            return report
        case "language":
            from phistar.components.reports.language import report

            return report
        case "multiclass":
            from phistar.components.reports.multiclass import report

            return report
        case "translation":
            from phistar.components.reports.translation import report

            return report
        case _:
            raise ValueError(f"no report of this task. Received: {name!r}.")
