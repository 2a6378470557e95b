"""Two trainings on one machine, in turns: one is stopped while the other runs."""

import signal
import subprocess
import time

TURN = 60.0  # seconds
PAUSE = 1.0  # seconds; in a longer moment this process was stopped, so not counted


def turns(ours, theirs, stages):
    """Let both take turns of a minute until ours ends.

    Args:
        ours: Popen of `phistar run`.
        theirs: Popen of the peer, training.
        stages: Path of our store's stages.

    Returns:
        dict: seconds of our turns, "run" in all and "train" in the stage `train`.

    Raises:
        RuntimeError: if the peer ends before ours.
    """
    passed = {"run": 0.0, "train": 0.0}
    while True:
        theirs.send_signal(signal.SIGSTOP)
        ours.send_signal(signal.SIGCONT)
        spent, last = 0.0, time.perf_counter()
        while ours.poll() is None and spent < TURN:
            time.sleep(0.2)
            now = time.perf_counter()
            moment, last = min(now - last, PAUSE), now
            spent += moment
            built, trained = (
                any((stages / stage).glob("[!.]*/manifest.json"))
                for stage in ("build", "train")
            )
            passed["train"] += moment * (built and not trained)
        passed["run"] += spent
        if ours.returncode is not None:
            theirs.send_signal(signal.SIGCONT)
            return passed
        ours.send_signal(signal.SIGSTOP)
        theirs.send_signal(signal.SIGCONT)
        time.sleep(TURN)
        if theirs.poll() is not None:
            ours.kill()
            raise RuntimeError("the peer has died; see what it said above")


def train_both(command, peer, seconds, stages, log):
    """Train both, and print the time that each took.

    Args:
        command: list of str, `phistar run ...`.
        peer: Peer that answers `train SECONDS`.
        seconds: of the peer.
        stages: Path of our store's stages.
        log: Path of the file for our output.

    Raises:
        RuntimeError: if ours fails.
    """
    with open(log, "w") as file:
        ours = subprocess.Popen(command, stdout=file, stderr=file)
        peer.say(f"train {seconds}")
        passed = turns(ours, peer.process, stages)
    if ours.returncode:
        raise RuntimeError(log.read_text())
    print(f"the peer: {peer.answer()} steps in {seconds:.0f} s")
    print(
        f"{' '.join(command[1:])}: {passed['run']:.0f} s, of which training "
        f"{passed['train']:.0f} s; preparing the data not counted"
    )
