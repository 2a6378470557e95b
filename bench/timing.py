"""Interleaved repeats and their median: on shared machines only ratios count."""

import math
import os
import platform
import statistics
import subprocess
from pathlib import Path


def interleaved(measure_a, measure_b, repeats):
    """Pairs of times measured right after each other, in alternating order.

    Args:
        measure_a, measure_b: () -> seconds.
        repeats: number of pairs; one more, the first, is not counted.

    Returns:
        list of (a, b), seconds.
    """
    pairs = []
    for repeat in range(repeats + 1):
        if repeat % 2:
            a = measure_a()
            b = measure_b()
        else:
            b = measure_b()
            a = measure_a()
        pairs.append((a, b))
    return pairs[1:]


def interval(ratios):
    """A distribution-free interval of the median: (low, median, high, coverage).

    The k-th smallest and k-th largest of n cover the median with probability
    1 - 2 P(Binomial(n, 1/2) < k). k is the largest that gives 95 %, else 1.
    """
    ordered, n = sorted(ratios), len(ratios)
    best = (ordered[0], ordered[-1], 1 - 2 * 0.5**n)
    below, k = 0.5**n, 1
    while 1 - 2 * below >= 0.95:
        best = (ordered[k - 1], ordered[-k], 1 - 2 * below)
        below += math.comb(n, k) * 0.5**n
        k += 1
    low, high, coverage = best
    return low, statistics.median(ratios), high, coverage


def machine():
    """Description of this machine, in one line."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return f"{len(os.sched_getaffinity(0))} cores of {cpu}, {platform.system()}"


class Peer:
    """Another process; it answers each line on stdin with a line on stdout.

    Args:
        command: list of str.
    """

    def __init__(self, command):
        self.command = command

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def __call__(self, line):
        """Send a line and wait.  -> the answer, str; float if it is a number."""
        self.say(line)
        return self.answer()

    def say(self, line):
        """Send a line, without waiting."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def answer(self):
        """Wait for the next answer.  -> str; float if it is a number."""
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise RuntimeError(f"{self.command} has died; see what it said above.")
        try:
            return float(answer)
        except ValueError:
            return answer
