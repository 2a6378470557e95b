"""Runs that leave MLflow: into its trash, and their files from the disk.

Only the database below the root is cleaned. What a server has is its owner's.
"""

import shutil
from pathlib import Path
from typing import Any

from phistar.pipeline.record.sent import read_state
from phistar.pipeline.tracking.address import LOCAL, public_name
from phistar.pipeline.tracking.models import KEY, local_folder
from phistar.pipeline.tracking.target import Target


class Local:
    """MLflow below a root.

    Args:
        root: project root.
    """

    def __init__(self, root: Path):
        self.root, self.mlruns = Path(root), Path(root).resolve() / "mlruns"
        self.target = Target(root)
        self.client = self.target.client
        self.versions = list(self._versions())

    @classmethod
    def of(cls, root: Path) -> "Local | None":
        """MLflow below a root; None if it has none, or a server has the runs."""
        here = (Path(root) / "mlruns" / "mlflow.db").exists()
        return cls(root) if here and public_name(root) == LOCAL else None

    def exports(self) -> set[str]:
        """Keys of the exports of which a registered version has an alias."""
        return {key for _, _, key, aliases in self.versions if aliases}

    def folders(self, run_ids: list[str], kept: set[str]) -> list[Path]:
        """The folders of the files of runs and of their models.

        Args:
            run_ids: ours.
            kept: keys of exports whose models stay.
        """
        found = []
        for run in self._runs(run_ids):
            found.append((run.info.artifact_uri, run.info.run_id))
            found += [
                (model.artifact_location, model.model_id)
                for model in self._models(run, kept)
            ]
        return [folder for one in found if (folder := self._folder(*one))]

    def remove(self, run_ids: list[str], kept: set[str]) -> None:
        """Move runs into MLflow's trash, and remove what `folders` names.

        Models go with them, and their registered versions.
        """
        folders, keys = self.folders(run_ids, kept), set()
        for run in self._runs(run_ids):
            for model in self._models(run, kept):
                keys.add(model.tags[KEY])
                self.client.delete_logged_model(model.model_id)
            self.client.delete_run(run.info.run_id)
        for name, version, key, _ in self.versions:
            if key in keys:
                self.client.delete_model_version(name, version)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _runs(self, run_ids: list[str]) -> list[Any]:
        """MLflow's runs of ours; those that it does not have are left out."""
        found = []
        for run_id in run_ids:
            state = read_state(self.root, run_id)
            ours = state.get("mlflow_run_id")
            if ours and state.get("tracking_uri") == LOCAL and self.target.has(ours):
                found.append(self.client.get_run(ours))
        return found

    def _models(self, run: Any, kept: set[str]) -> list[Any]:
        """The logged models of a run that go with it."""
        ids = [model.model_id for model in run.outputs.model_outputs]
        models = map(self.client.get_logged_model, ids)
        return [m for m in models if m.tags.get(KEY) not in {None, *kept}]

    def _versions(self) -> Any:
        """(name, version, key of the export, aliases) of all registered versions."""
        token = None
        while True:
            page = self.client.search_registered_models(page_token=token)
            for model in page:
                aliases = {}
                for alias, number in model.aliases.items():
                    aliases.setdefault(str(number), []).append(alias)
                for version in self._of(model.name):
                    number, key = str(version.version), version.tags.get(KEY)
                    yield model.name, number, key, aliases.get(number, [])
            if not (token := page.token):
                return

    def _of(self, name: str) -> list[Any]:
        """All registered versions of a name."""
        found, token = [], None
        quoted = name.replace("'", "''")
        while True:
            page = self.client.search_model_versions(
                f"name = '{quoted}'", page_token=token
            )
            found += page
            if not (token := page.token):
                return found

    def _folder(self, uri: str, name: str) -> Path | None:
        """The folder `name` of an address below mlruns; None for any other place."""
        path = local_folder(uri)  # .../<name>/artifacts
        if path is None or path.parent.name != name:
            return None
        inside = path.is_relative_to(self.mlruns / "artifacts")
        return path.parent if inside else None
