"""Work that a thread does ahead, while its results are used."""

import queue
import threading

WAITING = 2  # results that wait at most
SECONDS = 0.1  # between looks whether they are wanted still


def ahead(items):
    """The same items, each made while those before it are used.

    NumPy and pyarrow let other threads run meanwhile. An iteration that is left before
    its end stops the thread.

    Args:
        items: iterable, used by the thread alone.

    Yields:
        The items, in order.

    Raises:
        Exception: of the iterable, at its place.
    """
    made, left = queue.Queue(WAITING), threading.Event()

    def put(kind, value=None):
        while not left.is_set():
            try:
                return made.put((kind, value), timeout=SECONDS)
            except queue.Full:
                continue

    def make():
        try:
            for item in items:
                put("item", item)
                if left.is_set():
                    return
        except BaseException as error:
            put("error", error)
        else:
            put("end")

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = made.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        left.set()
        thread.join()  # it may hold files that the caller removes
