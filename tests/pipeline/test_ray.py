"""A Ray cluster of two raylets on this machine: sweeps, seeds, ranks; one is killed."""

import os
import subprocess
import sys
import time

import pytest

from phistar.pipeline.launch.on_ray import words_of
from phistar.pipeline.process import on_ray
from phistar.pipeline.process.errors import Failure
from tests.helpers.commands import end, here, mlflow_runs, phistar, start

pytestmark = pytest.mark.heavy

WORDS = (
    *("sweep", "breast_cancer", "train.learning_rate=0.02,0.05,0.1,0.2"),
    *("train.steps=400", "train.epochs=null", "train.eval_every=20"),
)
STEPS = "train.steps=40", "train.eval_every=10"


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
from phistar.pipeline.launch.on_ray import words_of
from phistar.pipeline.process import on_ray
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


@pytest.fixture
def two_nodes(cluster, monkeypatch):
    """Two nodes with a core each; a command with --on ray finds them."""
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield nodes
    for node in nodes:
        cluster.remove_node(node)  # it says that it goes


@pytest.mark.slow
def test_seeds_on_a_cluster_are_those_of_this_machine(two_nodes, tmp_path):
    words = "run", "breast_cancer", *STEPS, "--seeds", "3"
    alone = phistar(*words, root=tmp_path / "alone")
    assert alone.status == 0, alone.stderr
    root = tmp_path / "cluster"
    done = phistar(*words, "--on", "ray", root=root)
    assert done.status == 0, done.stderr
    assert done.stderr.count("trained") == 3
    assert done.answer["metrics"] == alone.answer["metrics"]
    runs = mlflow_runs(root)
    children = [run["run_id"] for run in done.answer["runs"]]
    assert set(runs) == {done.answer["run_id"], *children} and len(children) == 3
    for seed, run_id in enumerate(children):
        run = runs[run_id]
        assert run["tags"]["mlflow.parentRunId"] == done.answer["run_id"]
        assert (run["name"], run["status"]) == (f"seed {seed}", "FINISHED")
    again = phistar(*words, "--on", "ray", root=root)
    assert again.answer["run_id"] == done.answer["run_id"]
    assert set(mlflow_runs(root)) == set(runs)


@pytest.mark.slow
def test_a_seed_that_fails_on_a_cluster_is_told(two_nodes, tmp_path):
    words = "run", "breast_cancer", "train.learning_rate=1e30", "--seeds", "2"
    done = phistar(*words, "--on", "ray", root=tmp_path)
    assert done.status == 1
    assert "seed" in done.answer["error"] and "not finite" in done.answer["error"]


@pytest.mark.slow
def test_ranks_on_a_cluster_make_the_artifact_of_one_process(two_nodes, tmp_path):
    words = "run", "breast_cancer", *STEPS, "train.backend=jax"
    alone = phistar(*words, root=tmp_path / "alone")
    assert alone.status == 0, alone.stderr
    root = tmp_path / "cluster"
    done = phistar("launch", "-n", "2", "--on", "ray", *words, root=root)
    assert done.status == 0, done.stderr
    assert "evaluate  ran" in done.stderr
    name = "test_nll"
    assert done.answer["metrics"][name] == pytest.approx(
        alone.answer["metrics"][name], abs=1e-6
    )
    assert not list(root.glob("mlruns/launch/*"))
    # one core is missing
    done = phistar("launch", "-n", "3", "--on", "ray", *words, root=root)
    assert done.status == 2 and "no room for all processes" in done.answer["error"]


def test_one_run_has_nothing_to_spread(tmp_path):
    done = here("run", "breast_cancer", "--on", "ray", root=tmp_path)
    assert done.status == 2 and "with --seeds N" in done.answer["error"]
    done = here("launch", "--on", "ray", "run", "breast_cancer", root=tmp_path)
    assert done.status == 2 and "a number of processes" in done.answer["error"]


@pytest.mark.parametrize(
    "typed",
    [
        "launch -n 2 --on ray run kjv a.b=1 --root x --json",
        "launch --on=ray -n2 --json --root=x run kjv a.b=1",
        "--root x launch run kjv a.b=1 -n 2 --on ray",
    ],
)
def test_ranks_get_the_command_without_the_options_of_launch(typed):
    assert words_of(["phistar", *typed.split()]) == ["run", "kjv", "a.b=1"]
