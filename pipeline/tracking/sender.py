"""The transfer of one record into MLflow.

A `Sending` reads a record and the journals it names, turns new entries into a
`Batch`, and hands that to a `Target`. Its position is in `runs/<run_id>.sent.json`,
written after MLflow has taken the batch. A process that dies in between sends that
batch again. That changes nothing, since entries carry their own times.
"""

import copy
from contextlib import suppress
from pathlib import Path

from phistar.pipeline.record import journal, marks
from phistar.pipeline.record.scores import worth_registering
from phistar.pipeline.record.sent import only_sender, read_state, write_state
from phistar.pipeline.tracking import notes, outbox
from phistar.pipeline.tracking.outbox import KEPT_NLL, Batch, Gone, Metric, Model
from phistar.pipeline.tracking.target import Target

# files beside a record, once it has ended: <run_id>.<name>
REPORT = "report.html"
PAGES = (
    *(REPORT, "compare.html", "data_card.html", "log.txt"),
    *("best.yaml", "parallel_coordinates.png", "importance.png"),  # of a sweep
)
REASON = "phistar.reason"  # tag of a run: why it did not finish
CONTINUED = "stopped before, then continued"
FIRST = ("valid/nll",)  # metrics, before the others of a batch
# they change the note
DESCRIBED = ("start", "resume", "stage", "metrics", "champion", "sweep", "end")


class Sending:
    """The transfer of one record.

    Args:
        root: project root.
        run_id: the record's.
        target: MLflow's side.
    """

    def __init__(self, root: Path, run_id: str, target: Target):
        self.record = journal.Record(root, run_id)
        self.mlruns = Path(root) / "mlruns"
        self.target = target
        self.system = self.record.path.with_suffix(".system.jsonl")
        self.state = read_state(root, run_id)
        if self.state.get("tracking_uri") != target.name:
            self.restart()

    def restart(self) -> None:
        """Forget the position: everything is sent again."""
        self.state = {
            "tracking_uri": self.target.name,
            "offsets": {},  # by file: "record", "system", "<stage>/<key>"
            "steps": {},  # by "<stage>/<key>": the last step sent of each metric
            "status": None,
            "pages": {},  # by name: [time, size] of the file that was sent
        }

    @property
    def complete(self) -> bool:
        """True if MLflow has the whole record, its end included."""
        size = self.record.path.stat().st_size if self.record.path.exists() else 0
        sent = self.state["offsets"].get("record", 0)
        ended = self.state["status"] not in (None, "RUNNING")
        return ended and size <= sent and not self._new_pages(self.state)

    def step(self, orphan: bool = False) -> None:
        """Send what is new; everything, when MLflow has lost the run.

        Args:
            orphan: no process writes this record any more. Without an end it is
                ended in MLflow as KILLED.

        Raises:
            Refused: MLflow will never take this record.
            Exception: an error of a store or server; the next call repeats the
                batch.
        """
        try:
            self._step(orphan)
        except Gone:
            self.restart()
            self._step(orphan)
        if self.complete:
            marks.unmark(self.record.path)
            if not self.complete:  # it goes on
                marks.mark(self.record.path)

    def _step(self, orphan: bool) -> None:
        state = copy.deepcopy(self.state)
        entries = self._new(state, "record", self.record.path)
        if "mlflow_run_id" not in state:
            if not entries or entries[0]["kind"] != "start":
                return
            state |= self._open(entries[0])
        batch = Batch()
        for entry in entries:
            self._take(entry, state, batch)
        if running := state.get("running"):
            self._journal(state, batch, running["name"], running["path"])
        if orphan and state["status"] in (None, "RUNNING"):
            state["status"] = "KILLED"
            batch.status = ("KILLED", self._last_time())
        # MLflow's compare page opens with the metric that a run had first
        batch.metrics.sort(key=lambda metric: metric.name not in FIRST)
        state["measured"] = state.get("measured") or bool(batch.metrics)
        if state["measured"] or state["status"] not in (None, "RUNNING"):
            for entry in self._new(state, "system", self.system):
                batch.add(entry)
        ended = state["status"] not in (None, "RUNNING")
        pages = self._new_pages(state) if ended else {}
        batch.pages = [(self._page(name), name) for name in pages]
        state["pages"] = state.get("pages", {}) | pages
        if pages or any(entry["kind"] in DESCRIBED for entry in entries):
            self._describe(batch)
        if not batch.empty():
            version = self.target.send(state["mlflow_run_id"], batch)
            state |= {"model_version": version} if version else {}
        if state != self.state:
            self.state = state
            write_state(self.record.path, state)

    def _describe(self, batch: Batch) -> None:
        """Take the run's description, and the tags that tell how it went."""
        entries, found = self.record.entries(), notes.result(self.record)
        report = self._page(REPORT).exists()
        batch.tags[notes.TAG] = notes.run_note(entries, found, report)
        reasons = [entry["reason"] for entry in entries if entry.get("reason")]
        if reasons and entries[-1]["kind"] == "end":
            batch.tags[REASON] = entries[-1].get("reason", CONTINUED)
        if verdict := found.verdict.get("verdict"):
            batch.tags["phistar.verdict"] = verdict

    def _page(self, name: str) -> Path:
        """A file beside the record."""
        return self.record.path.with_suffix(f".{name}")

    def _new_pages(self, state: dict) -> dict[str, list[int]]:
        """Name -> stamp of each file beside the record that MLflow does not have."""
        stamps = {}
        for name in PAGES:
            with suppress(FileNotFoundError):
                found = self._page(name).stat()
                stamps[name] = [found.st_mtime_ns, found.st_size]
        sent = state.get("pages", {})
        return {name: s for name, s in stamps.items() if sent.get(name) != s}

    def _new(self, state: dict, name: str, path: Path) -> list[dict]:
        entries, offset = journal.read(path, state["offsets"].get(name, 0))
        state["offsets"][name] = offset
        return entries

    def _open(self, start: dict) -> dict:
        """The MLflow run of this record; its parent's run is opened first."""
        parent = None
        if start.get("parent"):
            parent = self._parent(start["parent"])
        experiment_id, mlflow_run_id = self.target.run(start, parent)
        return {"experiment_id": experiment_id, "mlflow_run_id": mlflow_run_id}

    def _parent(self, run_id: str) -> str | None:
        root = self.record.root
        state = read_state(root, run_id)
        if state.get("tracking_uri") == self.target.name and "mlflow_run_id" in state:
            return state["mlflow_run_id"]
        if not journal.Record(root, run_id).entries():
            return None
        with only_sender(root, run_id) as alone:
            if not alone:
                raise ConnectionError(f"the parent run {run_id} is not in MLflow yet")
            parent = Sending(root, run_id, self.target)
            parent.step()
            return parent.state.get("mlflow_run_id")

    def _take(self, entry: dict, state: dict, batch: Batch) -> None:
        match entry["kind"]:
            case "stage":
                self._stage(entry, state, batch)
            case "resume":
                state["status"] = "RUNNING"
                batch.status = ("RUNNING", entry["time"])
            case "end":
                state["status"], state["running"] = entry["status"], None
                batch.status = (entry["status"], entry["time"])
            case "start":
                batch.params = entry["params"]
                batch.tags.update(entry["tags"])
                if config := entry.get("config"):
                    batch.texts.append((config, "config.yaml"))
            case _:
                batch.add(entry)

    def _stage(self, entry: dict, state: dict, batch: Batch) -> None:
        stage, path = entry["stage"], self.mlruns / entry["path"]
        name = f"{stage}/{entry['key']}"
        batch.tags.update(entry["tags"])
        if entry["status"] == "running":
            # Another attempt at the same key: another journal, the same curves.
            state["offsets"].pop(name, None)
            steps = state["steps"].setdefault(name, {"before": {}, "now": {}})
            steps["before"] |= steps["now"]
            state["running"] = {"name": name, "path": f"{entry['path']}/journal.jsonl"}
            return
        state["running"] = None
        if entry["status"] == "failed":
            self._journal(state, batch, name, entry["path"])
            return
        self._journal(state, batch, name, f"{entry['path']}/journal.jsonl")
        for logged in journal.read(path / "journal.jsonl")[0]:
            if logged["kind"] == "artifact":
                batch.add(logged, folder=path)
        batch.artifacts.append((path / "manifest.json", f"stages/{stage}"))
        if stage == "train":
            batch.metrics += self._kept(path)
        if stage == "export":
            folder, register = path / "mlflow_model", registers(self.record)
            batch.models.append(self.model(folder, entry["key"], register))

    def _kept(self, folder: Path) -> list[Metric]:
        """-ln P of valid under the weights that were kept, as a metric of its own.

        The curve of `valid/nll` ends with the last weights, and MLflow sorts by that.
        """
        value = notes.read(folder / "valid.json").get("valid_nll")
        logged = journal.read(folder / "journal.jsonl")[0]
        times = [entry["time"] for entry in logged if entry["kind"] == "metrics"]
        return [Metric(KEPT_NLL, value, times[-1], 0)] if value and times else []

    def model(self, folder: Path, key: str, register: bool) -> Model:
        """The export, with the results of the record's earlier stages."""
        entries = self.record.entries()
        start, logged = entries[0], Batch()
        for entry in entries:
            done = entry["kind"] == "stage" and entry["status"] in ("ran", "cached")
            if done and entry["stage"] in ("ingest", "evaluate"):
                path = self.mlruns / entry["path"] / "journal.jsonl"
                for line in journal.read(path)[0]:
                    logged.add(line)
        data = None
        for entry in logged.datasets:
            test = entry["splits"]["test"]
            data = outbox.dataset_name(entry["name"], "test"), test["digest"]
        return Model(
            folder,
            key,
            start["experiment"],
            start["name"],
            register,
            notes.experiment_note(start.get("question", "")),
            tuple(m for m in logged.metrics if m.name.startswith("test/")),
            data,
        )

    def _journal(self, state: dict, batch: Batch, name: str, path: str) -> None:
        """Take what is new in a stage's journal.

        A stage that was killed starts again and logs its first steps again, at
        other times. MLflow would show each of them twice. So a step that an earlier
        attempt has sent is left out.
        """
        steps = state["steps"].setdefault(name, {"before": {}, "now": {}})
        for entry in self._new(state, name, self.mlruns / path):
            if entry["kind"] == "metrics":
                step = entry["step"]
                values = {
                    metric: value
                    for metric, value in entry["values"].items()
                    if step > steps["before"].get(metric, -1)
                }
                steps["now"] |= dict.fromkeys(values, step)
                entry = entry | {"values": values}
            batch.add(entry)

    def _last_time(self) -> int:
        """Time of the last entry of a record without an end."""
        system = journal.read(self.system)[0]
        return max(entry["time"] for entry in self.record.entries() + system)


def registers(record: journal.Record) -> bool:
    """True if a run registers its export; a promotion registers it in any case.

    It does not if it was told so, if it is one of several seeds, or if the verdict is
    that the model is not better than guessing. Of a sweep the best trial alone exports.
    """
    entries = record.entries()
    begun = [entry for entry in entries if entry["kind"] in ("start", "resume")][-1]
    start = entries[0]
    alone = not start.get("parent") or "trial" in start["tags"]
    if not alone or not begun.get("register", True):
        return False
    evaluated = [e["path"] for e in entries if e.get("stage") == "evaluate"][-1:]
    mlruns = record.root / "mlruns"
    return all(worth_registering(mlruns / path) for path in evaluated)
