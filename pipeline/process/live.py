"""The work in progress, drawn at the bottom of the terminal by rich.

- train  ━━━━━━━━━━━━━━╺━━━━━━━━━━━━━━━━━━━━  312/1170  0:12, about 0:31 left
  train_loss 0.1234  valid_nll 0.3456  best 0.3401
"""

import os
import sys
import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from phistar.pipeline.process.output import Clean, clean
from phistar.pipeline.process.terminal import Progress, brief, counted

REDRAWS = 4  # a second


class Screen(Console):
    """Console that never hides the cursor: a killed process could not show it again."""

    def show_cursor(self, show: bool = True) -> bool:
        """Change nothing."""
        return False


class Drawing:
    """The drawing, redrawn by a thread until `stop`; prints go above it.

    Args:
        current: gives the Progress to draw; None draws nothing.
    """

    def __init__(self, current: Callable[[], Progress | None]):
        self.current, self.spinner = current, Spinner("line", style="cyan")
        # a copy of the descriptor: quiet.startup takes the first one away for a while
        file = open(  # noqa: SIM115  rich closes nothing, and neither may we
            os.dup(sys.stderr.fileno()),
            "w",
            encoding=sys.stderr.encoding,
            errors="replace",
        )
        screen = Screen(file=file, highlight=False, markup=False, emoji=False)
        self.live = Live(
            get_renderable=self.draw,
            console=screen,
            refresh_per_second=REDRAWS,
            transient=True,
            # answers that go to the same terminal must not run into the drawing
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=False,
        )
        # not rich's own: it would be taken away and put back at each pause, and with
        # it what others have put in front
        self.before = sys.stderr
        sys.stderr = Clean(FileProxy(screen, sys.stderr), needed=False)
        self.proxy = sys.stderr
        self.live.start()

    def refresh(self) -> None:
        """Draw the newest state at once."""
        self.live.refresh()

    def pause(self) -> None:
        """Remove the drawing for a while."""
        self.live.stop()

    def resume(self) -> None:
        """Draw again."""
        self.live.start()

    def stop(self) -> None:
        """Remove the drawing."""
        self.live.stop()
        if sys.stderr is self.proxy:
            sys.stderr = self.before

    def draw(self) -> RenderableType:
        """The lines of this moment."""
        work = self.current()
        if work is None:
            return Text()
        now, done, total = time.monotonic(), *progress_of(work)
        row = [self.spinner, Text(work.title, "bold")] if work.title else [self.spinner]
        if total:
            row.append(ProgressBar(total, min(done, total)))
        if work.whole:
            row.append(Text(f"{done}/{total}"))
        about = clean(" ".join(filter(None, [work.text, counted(work.part)])))
        times = clock(now - work.began)
        left = seconds_left(work, now)
        if left is not None and not (work.whole and work.text):
            times += f", about {clock(left)} left"
        row += [Text(about, overflow="ellipsis")] if about else []
        row.append(Text(times, "dim"))
        grid = Table.grid(padding=(0, 2, 0, 0), expand=bool(total))
        for cell in row:
            bar = isinstance(cell, ProgressBar)
            grid.add_column(no_wrap=True, ratio=1 if bar else None, min_width=bar * 8)
        grid.add_row(*row)
        values = "  ".join(f"{name} {brief(v)}" for name, v in work.values.items())
        return Group(grid, Text(f"  {values}", no_wrap=True)) if values else grid


def progress_of(work: Progress) -> tuple[int, int | None]:
    """Number done and total of the bar: of the whole work, else of its part."""
    part = work.part  # read once: the worker may replace it at any time
    return work.whole or (part[:2] if part else (0, None))


def seconds_left(work: Progress, now: float) -> float | None:
    """Time left at the speed so far; None while it cannot be told."""
    (done, total), start = progress_of(work), work.start
    if not total or start is None:
        return None
    began, first = start
    if done <= first or now - began < 1:
        return None
    return (now - began) * (total - done) / (done - first)


def clock(seconds: float) -> str:
    """Seconds as on a clock: "1:02:03", "0:12"."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
