"""Exit statuses, and the exception that each stands for.

    0    success
    1    failed: a non-finite loss, a full disk, a defect of ours, or, in `doctor`,
         something that does harm
    2    the caller's mistake: a wrong key, file or option
    3    a model that was rejected: it does not answer as it was evaluated, or, in
         `promote`, is not better than guessing or is worse than the champion
    130  Ctrl-C; 143 SIGTERM; 141 the reader of stdout has closed the pipe

`Failure.of` maps exceptions to these. In Python, `phistar.Failure` is all of them.
"""

import traceback
from pathlib import Path

from phistar import HERE
from phistar.components.errors import RejectedModel
from phistar.pipeline.process import disk
from phistar.pipeline.process.credentials import redacted
from phistar.pipeline.process.output import brief

OK, FAILED, USAGE, REJECTED = 0, 1, 2, 3
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143  # 128 + the signal's number

ROOT = Path(__file__).parents[2]
OURS = (ROOT / "pipeline", ROOT / "components", HERE)
HEAD = "phistar: error:"


class Failure(Exception):
    """A stage has failed.

    Args:
        message: one clear error for the user; secrets in it are hidden.
        status: exit status.
        details: the traceback, shown with --debug.
        expected: true if the message alone explains it; if not, the traceback is
            shown in any case.
    """

    def __init__(
        self,
        message: str,
        status: int = FAILED,
        details: str = "",
        expected: bool = True,
    ):
        super().__init__(brief(redacted(message)))  # records and notebooks have it too
        self.status, self.expected = status, expected
        self.details = redacted(details)

    def lines(self, head: str = HEAD, debug: bool = False) -> list[str]:
        """The lines of the user: the error, and the traceback of a defect.

        Args:
            head: in front of the first one.
            debug: the traceback in any case.
        """
        traced = self.details and (debug or not self.expected)
        return [f"{head} {self}", *[self.details] * bool(traced)]

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows below a cell, in place of a traceback."""
        return self.lines()

    def to_json(self) -> dict:
        """Plain data; `Failure(**failure.to_json())` is the same failure."""
        return {"message": str(self)} | vars(self)

    @classmethod
    def of(
        cls, error: BaseException, stage: str = "", folder: Path | None = None
    ) -> "Failure":
        """The failure that an exception means to the user.

        A ValueError that a `raise` of ours raises is the caller's mistake; one of
        a library that we have called is not. A non-finite loss and a rejected model are
        results, and so are data out of reach (a ConnectionError of ours). An error of
        the system is shown by its name. Anything else is a defect, and keeps its
        traceback.

        Args:
            error: the exception.
            stage: that it ended, if it is known.
            folder: that the stage wrote to.
        """
        details = "".join(traceback.format_exception(error))
        if isinstance(error, RejectedModel):
            return cls(str(error), REJECTED, details)
        if isinstance(error, FloatingPointError):
            return cls(str(error), FAILED, details)
        if isinstance(error, ConnectionError) and _raised_by_us(error):
            return cls(str(error), FAILED, details)
        if isinstance(error, ValueError) and _raised_by_us(error):
            return cls(str(error), USAGE, details)
        if disk.reason(error):
            return cls(disk.told(error, stage, folder), FAILED, details)
        message = f"{type(error).__name__}: {error}"
        return cls(message, FAILED, details, expected=isinstance(error, OSError))


def _raised_by_us(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    raiser = Path(frames[-1].filename).resolve() if frames else Path()
    ours = any(folder.resolve() in raiser.parents for folder in OURS)
    # functions in C have no frame: what they raise seems to come from our line
    return ours and (frames[-1].line or "").startswith("raise")
