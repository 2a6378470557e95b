"""A sweep on a Ray cluster: two raylets on this machine, one of them killed."""

import os
import subprocess
import sys
import time

import pytest

from phistar.pipeline.process.errors import Failure
from phistar.pipeline.sweep import on_ray
from tests.helpers.commands import end, here, phistar, start

pytestmark = pytest.mark.heavy

WORDS = (
    *("sweep", "breast_cancer", "train.learning_rate=0.02,0.05,0.1,0.2"),
    *("train.steps=400", "train.epochs=null", "train.eval_every=20"),
)


@pytest.fixture(scope="module")
def cluster():
    """A head without a core, to add raylets to."""
    from ray.cluster_utils import Cluster

    quiet = {"include_dashboard": False, "num_cpus": 0}
    made = Cluster(initialize_head=True, head_node_args=quiet)
    yield made
    made.shutdown()


def table(answer):
    """What the trials have measured."""
    return [(one["name"], one["state"], one["valid_nll"]) for one in answer["trials"]]


def test_without_ray_the_way_to_install_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = here(*WORDS, "--on", "ray", root=tmp_path)
    assert done.status == 2
    assert "pip install 'ray[client]'" in done.answer["error"]


@pytest.mark.slow
def test_no_cluster_at_an_address_is_said_within_30_seconds(tmp_path):
    began = time.monotonic()
    with pytest.raises(Failure, match=r"no Ray cluster answers. Received: ray://"):
        on_ray.OnRay("ray://127.0.0.1:9", tmp_path)
    assert time.monotonic() - began < 30


@pytest.mark.slow
def test_killed_raylet_changes_nothing(cluster, tmp_path, monkeypatch):
    alone = phistar(*WORDS, root=tmp_path / "alone")
    assert alone.status == 0, alone.stderr
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    root = tmp_path / "cluster"
    process = start(*WORDS, "--on", "ray", root=root)
    while not list(root.glob("mlruns/stages/train/.*/checkpoints/*")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    cluster.remove_node(nodes[1], allow_graceful=False)
    done = end(process)
    assert done.status == 0, done.stderr
    assert table(done.answer) == table(alone.answer)
    assert len(list(root.glob("mlruns/stages/train/[0-9a-f]*"))) == 4


@pytest.mark.slow
def test_node_that_does_not_see_the_root_is_named(cluster, tmp_path):
    cluster.add_node(num_cpus=1)
    script = f"""
from phistar.pipeline.sweep import on_ray
on_ray.reads = lambda file: ""
on_ray.OnRay("ray", {str(tmp_path)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"RAY_ADDRESS": cluster.address},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "does not see (no such file). Put the folder" in done.stderr
    assert not list(tmp_path.rglob(".seen-*"))
