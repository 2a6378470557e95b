"""A journal whose stage dies at a step."""

from phistar.pipeline.record.journal import Journal


class Killed(BaseException):
    """An end that no line of ours catches."""


class Dying(Journal):
    """Journal of a stage that dies at a step: between two borders, or at one."""

    step, at_border = None, False

    def progress(self, step, total, values):
        if step == self.step and not self.at_border:
            raise Killed

    def metrics(self, values, step=0):
        super().metrics(values, step)
        if step == self.step and self.at_border:
            raise Killed
