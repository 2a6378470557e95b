"""A process finds its place among others in its environment, or says what is wrong."""

import pytest

from phistar.pipeline.launch.command import divided, here, join
from phistar.pipeline.launch.place import GROUPS, Place, first_host, place_of
from phistar.pipeline.process.errors import USAGE, Failure

KERAS, JAX = GROUPS
SLURM = {
    "SLURM_JOB_ID": "4242",
    "SLURM_STEP_NODELIST": "gpu[007-009,12],other",
    "SLURM_STEP_NUM_TASKS": "5",
    "SLURM_PROCID": "3",
}


@pytest.mark.parametrize("names", GROUPS)
def test_variables_of_keras_and_jax_mean_the_same(names):
    values = ("10.0.0.1:1234", "4", "3")
    found = place_of(dict(zip(names, values, strict=True)))
    assert found == Place("10.0.0.1", 1234, 4, 3)
    assert place_of(found.variables()) == found


def test_first_of_several_addresses_is_that_of_rank_0():
    values = ("10.0.0.1:1234,10.0.0.2:1235", "2", "1")
    assert place_of(dict(zip(KERAS, values, strict=True))).address == "10.0.0.1:1234"


def test_slurm_step_is_a_place_and_its_batch_script_is_none():
    assert place_of(SLURM) == Place("gpu007", 61440 + 4242 % 4096, 5, 3)
    script = {name: SLURM[name] for name in ("SLURM_JOB_ID", "SLURM_PROCID")}
    assert place_of(script) is None and place_of({}) is None


@pytest.mark.parametrize(
    ("nodes", "host"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("n[03-05]", "n03"),
        ("n[3,7-9],m1", "n3"),
    ],
)
def test_first_host_of_slurm(nodes, host):
    assert first_host(nodes) == host


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (("10.0.0.1:1234", "4", ""), "PROCESS_ID"),
        (("10.0.0.1:1234", "4", "4"), "a rank from 0"),
        (("10.0.0.1", "4", "0"), "HOST:PORT"),
        (("10.0.0.1:x", "4", "0"), "HOST:PORT"),
        (("10.0.0.1:1", "four", "0"), "a number of processes"),
    ],
)
def test_variables_without_sense_are_refused(values, words):
    with pytest.raises(Failure, match=words) as caught:
        place_of(dict(zip(JAX, values, strict=True)))
    assert caught.value.status == USAGE and "\n" not in str(caught.value)


def test_processes_get_cores_and_gpus_of_their_own():
    cores, gpus = [0, 1, 2, 3, 8], ["0", "1", "GPU-7", "3"]
    shares = divided(2, cores, gpus)
    assert [share["gpus"] for share in shares] == ["0,GPU-7", "1,3"]
    assert sorted(c for share in shares for c in share["cores"]) == cores
    assert [share["gpus"] for share in divided(5, cores, [])] == [None] * 5


@pytest.mark.parametrize(
    ("count", "gpus", "words"), [(3, [], "2 cores"), (2, ["0"], "1 GPUs")]
)
def test_more_processes_than_the_machine_has_are_refused(count, gpus, words):
    with pytest.raises(Failure, match=words) as caught:
        divided(count, [0, 1], gpus)
    assert "KERAS_DISTRIBUTION_JOB_ADDRESSES" in str(caught.value)


def test_number_of_processes_is_given_once(monkeypatch, tmp_path):
    with pytest.raises(Failure, match="-n 2 for two"):
        here(None, ["phistar"], tmp_path)
    for name, value in Place("127.0.0.1", 1, 4, 1).variables().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Failure, match="-n 2, and 4 processes"):
        join(2, ["phistar"], tmp_path)
