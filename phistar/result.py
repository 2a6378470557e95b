"""A run, as Python has it: numbers, files, the network, and answers."""

import json
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phistar.guest import failing, guest
from phistar.pipeline.cli.printing import metrics_rows
from phistar.pipeline.process import quiet, terminal
from phistar.pipeline.record.journal import Record
from phistar.pipeline.record.runs import named, runs
from phistar.pipeline.run.metrics import number
from phistar.pipeline.serving.exports import Export
from phistar.pipeline.store.contract import read_contract
from phistar.pipeline.store.store import Store
from phistar.pipeline.tracking.address import address

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from phistar.components.serving.ask import Model


class Run:
    """A run, of `phistar.run` or of `phistar.load`.

    What needs a stage that is not here raises `phistar.Failure`: the run stopped
    earlier, or an export was loaded whose run is elsewhere.

    Attributes:
        recipe: its name.
        name: of the run, in MLflow's list.
        run_id: ours.
    """

    def __init__(
        self,
        root: Path,
        run_id: str,
        recipe: str,
        name: str,
        stages: dict[str, Path],
        export: Path | None,
    ):
        self.root, self.run_id, self.recipe, self.name = root, run_id, recipe, name
        self._stages, self._export = stages, export
        self._loading = threading.Lock()

    @classmethod
    def of_answer(cls, answer: dict, root: Path) -> "Run":
        """The run of an answer of `run_once`."""
        found = named(answer["run_id"], runs(root))
        return cls(
            root,
            answer["run_id"],
            answer["experiment"],
            found[0].name if found else "",
            {name: Path(stage["path"]) for name, stage in answer["stages"].items()},
            answer["export"] and Path(answer["export"]),
        )

    @classmethod
    def of_export(cls, export: Export, root: Path) -> "Run":
        """The run that has made an export, with those of its results that are here."""
        store, found = Store(root / "mlruns"), named(export.run_id, runs(root))
        keys = found[0].keys if found else {}
        stages = {name: store.path(name, key) for name, key in keys.items()}
        return cls(
            root,
            export.run_id,
            found[0].recipe if found else export.contract["data"]["name"],
            found[0].name if found else export.name,
            {name: path for name, path in stages.items() if path.is_dir()},
            export.folder,
        )

    @property
    def export(self) -> Path:
        """Folder of the SavedModel."""
        if self._export is None:
            self._folder("export")  # the error
        return self._export

    @cached_property
    def contract(self) -> dict:
        """Signatures, labels, versions and metrics of the SavedModel: plain data."""
        with failing():
            return read_contract(self.export)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metrics by name: "test_nll" in nats a label, "test_accuracy", ..."""
        if self._export is not None:
            return self.contract["metrics"]
        file = self._folder("evaluate") / "metrics.json"
        return json.loads(file.read_text("utf-8"))

    @cached_property
    def verdict(self) -> dict:
        """Comparison with guessing and with baselines.

        "verdict" is "better" or "not better", "sentence" says it in words.
        """
        file = self._folder("evaluate") / "verdict.json"
        return json.loads(file.read_text("utf-8"))

    @property
    def report(self) -> Path:
        """The page of the run, report.html: results, figures, data, every key."""
        page = Record(self.root, self.run_id).path.with_suffix(".report.html")
        return page if page.exists() else self._folder("evaluate") / "report.html"

    @property
    def figures(self) -> dict[str, Path]:
        """Figures by name, as PNG; each has an SVG beside it."""
        folder = self._folder("evaluate") / "figures"
        return {path.stem: path for path in sorted(folder.glob("*.png"))}

    @property
    def url(self) -> str:
        """Page of the run in MLflow, while `phistar ui` or MLflow's server runs."""
        return address(self.root, self.run_id)

    @cached_property
    def model(self) -> "keras.Model":
        """The trained Keras network, encoded inputs -> logits.

        It has no final softmax: P is `predict`'s.
        """
        with failing(), self._loading:
            folder = self._folder("train")
            quiet.require_tensorflow()
            with guest():
                os.environ |= quiet.environment()
                quiet.load_library()
                quiet.import_keras()
                from phistar.components.artifacts import load_network

                return load_network(folder)[0]

    def predict(
        self,
        data: Any,
        signature: str = "predict",
        *,
        label: str = "label",
        **knobs: Any,
    ) -> "pd.DataFrame":
        """Answer inputs, as `phistar predict` does.

        Args:
            data: a DataFrame or a list of dicts, with the names of the signature's
                inputs; others are ignored. Or paths of files, or a list of texts. Or
                images: uint8 [N, H, W] or [N, H, W, C], or a list of such arrays, or
                of bytes of image files.
            signature: predict: the decision and its probability; log_prob: ln P of the
                given label or text; sample: a draw from P.
            label: log_prob of columns: the one with the labels.
            **knobs: those of the signature: seed, temperature, top_k, top_p,
                max_length, beam_size, length_penalty.

        Returns:
            A row for each input, with the signature's outputs as columns:
            log-probabilities in nats, None where a value is not finite.

        Raises:
            Failure: what is wrong with an input or a knob.
        """
        with failing():
            import pandas as pd

            from phistar import rows
            from phistar.components.serving.drift import Drift
            from phistar.components.serving.request import signature as signature_of
            from phistar.pipeline.serving.predict.answers import answered
            from phistar.pipeline.serving.predict.inputs import chunks

            called = signature_of(self.contract, signature)
            called.settings(knobs)  # a wrong one is refused before TensorFlow's import
            reading = self.contract["inputs"].get("reading")
            found = rows.read(data, self.contract["reads"], called, label, reading)
            size, answers = self.contract["batch_size"], []
            drift = Drift(self.contract["inputs"]["seen"])
            with guest(), terminal.working("predict"):
                # as there, the first chunk is read before TensorFlow's import
                for chunk in chunks(found.rows):
                    more = answered(
                        self._served, called, chunk, knobs, size, drift, unseen
                    )
                    if found.index is None:
                        of = zip(chunk, more, strict=True)
                        more = [one.place | answer for one, answer in of]
                    answers += more
            columns = None if answers else list(called.outputs)
            return pd.DataFrame(answers, index=found.index, columns=columns)

    @cached_property
    def _served(self) -> "Model":
        """The SavedModel, in memory."""
        from phistar.pipeline.serving.predict.command import load

        with self._loading:
            return load(Export(self.export, self.contract, self.run_id, self.name))

    def _folder(self, stage: str) -> Path:
        """The folder of a stage's result.

        Raises:
            Failure: it is not here.
        """
        with failing():
            if stage not in self._stages:
                raise ValueError(
                    f"the result of `{stage}` is not here. Received: run "
                    f"{self.run_id[:8]} of {self.recipe}, which has "
                    f"{', '.join(self._stages) or 'no results'} below "
                    f"{self.root / 'mlruns'}. Expected a run that has come to "
                    f"`{stage}`: phistar.run makes it, with the same overrides."
                )
            return self._stages[stage]

    def __repr__(self) -> str:
        parts = [f"phistar.Run {self.recipe} {self.run_id[:8]} ({self.name})"]
        if self._export is not None or "evaluate" in self._stages:
            parts.append(f"test_nll {number(self.metrics['test_nll'])}")
        if "evaluate" in self._stages:
            parts.append(self.verdict["verdict"])
        return f"<{', '.join(parts)}>"

    def _repr_html_(self) -> str:
        """The result as a notebook shows it."""
        from phistar.components.reports.page import html

        parts, facts = [], [("run", self.run_id)]
        if "evaluate" in self._stages:
            parts.append(html.paragraph(self.verdict["sentence"]))
            facts.append(("report", self.report))
        if self._export is not None:
            facts.append(("export", self.export))
        if self._export is not None or "evaluate" in self._stages:
            head = ["test", "", "unit", "95 % interval, or what a floor is"]
            rows = metrics_rows(self.metrics)
            # HTML drops the spaces before the name of a floor
            rows = [[name.replace("  ", "\u2003"), *rest] for name, *rest in rows]
            parts.insert(0, html.table(head, rows))
        parts.append(html.facts(facts))
        title = html.Markup("<b>{}</b> · {}").format(self.recipe, self.name)
        return str(html.joined([html.paragraph(title), *parts]))


def unseen(more: int) -> None:
    """Show no number of inputs: the answers come all at once."""
