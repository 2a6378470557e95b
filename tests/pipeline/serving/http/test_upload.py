"""Images as files: `curl -F image=@cat.png`."""

import base64
import json
import shlex
import subprocess
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from phistar.components.data.notices import Counter
from phistar.components.data.pictures import Picture, pieces
from tests.helpers.answers import answers
from tests.helpers.commands import here
from tests.helpers.formats import every_format
from tests.helpers.pictures import bytes_of

CONTRACT = "artifacts/saved_model/contract.json"


def curl(server, *words):
    """Status and answer of curl with these words."""
    done = subprocess.run(
        ["curl", "-s", "-w", "%{http_code}", *words, f"{server.address}/invocations"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return int(done.stdout[-3:]), json.loads(done.stdout[:-3])


@pytest.fixture
def images(served, tmp_path):
    """(Here, paths of two images of test, as JSON has them)."""
    server = served["digits"]
    path = server.folder / "assets.extra" / "golden" / "predict.request.json"
    given = json.loads(path.read_text())["inputs"]["image"][:2]
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path, image in zip(paths, given, strict=True):
        path.write_bytes(base64.b64decode(image["b64"]))
    return server, paths, [image["b64"] for image in given]


def test_files_have_the_answers_of_the_same_images_in_json(images):
    server, paths, encoded = images
    words = [word for path in paths for word in ("-F", f"image=@{path}")]
    assert curl(server, *words) == server.post({"inputs": {"image": encoded}})
    for params, more in (
        ({"signature": "sample", "seed": 5, "top_p": 0.5}, ()),
        ({"signature": "log_prob"}, ("-F", "label=3", "-F", "label=7")),
    ):
        fields = [
            w for pair in params.items() for w in ("-F", "=".join(map(str, pair)))
        ]
        inputs = {"image": encoded} | ({"label": ["3", "7"]} if more else {})
        expected = server.post({"inputs": inputs, "params": params})
        assert expected[0] == 200
        assert curl(server, *words, *fields, *more) == expected


def test_one_picture_has_one_answer_everywhere(images, models, tmp_path):
    """By JSON, as a form, in `phistar predict`, in MLflow's model, and at ingest."""
    server, _, _ = images
    every = every_format()
    folder = tmp_path / "every"
    folder.mkdir()
    for name, (data, _) in every.items():
        (folder / name).write_bytes(data)
    done = here("predict", "digits", folder, root=models, json=False)
    told = {Path(row["file"]).name: row["log_probs"] for row in answers(done)}
    assert told.keys() == every.keys()
    assert "12 images turned, as their EXIF says" in done.stderr
    files = {name: folder / name for name in told}
    data = {name: file.read_bytes() for name, file in files.items()}

    words = [word for file in files.values() for word in ("-F", f"image=@{file}")]
    _, form = curl(server, *words)
    encoded = [base64.b64encode(one).decode() for one in data.values()]
    assert server.post({"inputs": {"image": encoded}}) == (200, form)
    as_form = [row["log_probs"] for row in form["predictions"]]

    (place,) = (
        path.parent
        for path in models.rglob("mlflow_model/MLmodel")
        if server.contract["run_id"] in (path.parent / CONTRACT).read_text()
    )
    model = mlflow.pyfunc.load_model(str(place))
    by_mlflow = model.predict(pd.DataFrame({"image": list(data.values())}))

    pictures = [Picture(one, {"labels": "3"}, name) for name, one in data.items()]
    (rows,) = pieces(pictures, (8, 8, 1), Counter())
    encoded = [base64.b64encode(bytes_of(one[..., 0])).decode() for one in rows.inputs]
    _, answer = server.post({"inputs": {"image": encoded}})
    ingested = [row["log_probs"] for row in answer["predictions"]]

    for found in (as_form, by_mlflow["log_probs"].tolist(), ingested):
        np.testing.assert_allclose(found, list(told.values()), rtol=1e-5)
    # and the same picture has it in each format that loses nothing
    for name, (_, pixels) in every.items():
        if pixels is not None and np.array_equal(pixels, every["rgb.png"][1]):
            np.testing.assert_allclose(told[name], told["rgb.png"], rtol=1e-5)


def test_the_line_that_is_printed_sends_a_file(images):
    server, _, _ = images
    line = server.said[0].splitlines()[1]
    assert "-F image=@" in line.replace("'", "")
    done = subprocess.run(shlex.split(line), capture_output=True, text=True)
    (row,) = json.loads(done.stdout)["predictions"]
    assert row["label"] in server.contract["labels"]["names"]


def test_what_is_wrong_with_a_form_is_said(images, served, tmp_path):
    server, (path, _), _ = images
    (tmp_path / "notes.md").write_text("no image")
    image = ("-F", f"image=@{path}")
    for words, name, text in (
        (
            ("-F", f"image=@{tmp_path}/notes.md"),
            "image",
            "must be an image that can be read",
        ),
        (("-F", "image=cat.png"), "image", "image must be a file"),
        ((*image, "-F", "signature=classify"), "signature", "no such signature"),
        ((*image, "-F", f"seed=@{path}"), "seed", "seed must be a value"),
        ((*image, "-F", "seed=1", "-F", "seed=2"), "seed", "must come once"),
        ((*image, "-F", "signature=sample", "-F", "seed=x"), "seed", "numbers"),
        (("-F", "signature=predict"), "image", "missing: image"),
        (image * 65, "image", "at most 64"),
        (image * 80, None, "Too many files"),
    ):
        status, error = curl(server, *words)
        assert status == 400, error
        assert error["input"] == name and text in error["message"], error
    kind = "multipart/form-data"
    assert server.post(b"x", kind)[0] == 400  # no boundary
    assert server.post(b"x", f"{kind}; boundary=a")[0] == 400
    # a table has no files
    status, error = curl(served["shop"], *image)
    assert status == 415 and "Expected: application/json (" in error["message"]
