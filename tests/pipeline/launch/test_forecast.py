"""The forecast for several hosts: identities of its formula, and its words."""

import pytest

from phistar.pipeline.launch.forecast import (
    PAYS,
    Speed,
    bandwidth_of,
    forecast,
    hosts_of,
    limits,
)
from phistar.pipeline.process.errors import USAGE, Failure
from tests.helpers.commands import copy_store, here
from tests.helpers.ranks import QUICK

SPEED = Speed(0.01, 0.99, 64, 4 * 10**6, 10, 100, 5, 2.0)
FAST = 1e30, 0.0  # a link without cost


def test_one_host_is_what_was_measured():
    found = forecast(SPEED, 1, 1e9)
    assert (found.step, found.link, found.efficiency) == (1.0, 0.0, 1.0)
    assert found.seconds == 100 * 1.0 + 5 * 2.0


def test_free_link_leaves_the_fixed_part_alone():
    for hosts in (2, 8, 64):
        found = forecast(SPEED, hosts, *FAST)
        assert found.step == pytest.approx(0.01 + 0.99 / hosts)
    # a host has a row at least, and the last of them may have padding
    assert forecast(SPEED, 1000, *FAST).step == forecast(SPEED, 64, *FAST).step
    assert forecast(SPEED, 3, *FAST).step == pytest.approx(0.01 + 0.99 * 22 / 64)


def test_ring_sends_all_bytes_twice_and_each_message_n_minus_1_times():
    free = forecast(SPEED, 4, *FAST).step
    slow = forecast(SPEED, 4, 32e6, 1e-3)
    assert slow.link == pytest.approx(2 * 3 / 4 * 1.0 + 2 * 3 * 10 * 1e-3)
    assert slow.step == pytest.approx(free + slow.link)
    assert slow.efficiency == pytest.approx(1.0 / (4 * slow.step))


def test_limits_are_where_more_hosts_stop_paying():
    pays, fastest = limits(SPEED, 1e9)
    assert forecast(SPEED, pays, 1e9).efficiency >= PAYS
    assert forecast(SPEED, 2 * pays, 1e9).efficiency < PAYS
    step = forecast(SPEED, fastest, 1e9).step
    assert step < forecast(SPEED, fastest // 2, 1e9).step
    assert step < forecast(SPEED, 2 * fastest, 1e9).step


def test_words_of_the_command_line():
    assert hosts_of("1,8,64") == [1, 8, 64]
    assert bandwidth_of("100Gbit") == 1e11 and bandwidth_of("2.5Gbit/s") == 2.5e9
    for hosts in ("", "0", "1,x", "1,,2", "-3", "9999999"):
        with pytest.raises(Failure, match="--hosts takes"):
            hosts_of(hosts)
    for link in ("100", "100 Gbit", "0Gbit", "fast", "10Gb"):
        with pytest.raises(Failure, match="--link takes"):
            bandwidth_of(link)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--hosts", "1,8"), "only --hosts"),
        (("--link", "1Gbit"), "only --link"),
        (("--hosts", "1,8", "--link", "1Gbit"), "train.backend=tensorflow"),
        (
            ("--hosts", "1", "--link", "1Gbit", "train.backend=jax"),
            "phistar build breast_cancer",
        ),
    ],
)
def test_plan_that_cannot_be_made_is_one_line(words, part, tmp_path):
    done = here("plan", "breast_cancer", *words, root=tmp_path)
    assert done.status == USAGE and not (tmp_path / "mlruns").exists()
    assert len(done.stderr.splitlines()) == 1 and part in done.stderr


@pytest.mark.slow
def test_speed_is_measured_once(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", QUICK)
    copy_store(trained[0], tmp_path, "ingest", "build")
    words = ("breast_cancer", "train.backend=jax", "--hosts", "1,2", "--link", "1Gbit")
    first, again = (here("plan", *words, root=tmp_path) for _ in range(2))
    assert first.status == again.status == 0, first.stderr
    assert first.answer == again.answer | {"measured": True}
    speed, (one, two) = first.answer["speed"], first.answer["hosts"]
    assert speed["rows"] == 32 and speed["steps"] == 800
    assert speed["bytes"] == 4 * 31 and speed["arrays"] == 2
    assert one["step_seconds"] == speed["fixed"] + speed["varying"] > 0
    assert two["link_seconds"] > 0
