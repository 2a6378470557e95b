"""No password or token of the environment is printed or stored."""

import re
from urllib.parse import unquote

import pytest

from phistar.pipeline.process.credentials import public, redacted
from phistar.pipeline.process.errors import Failure

SECRET = "c4nary-a/s#cret"
ADDRESSES = {
    "https://me:c4nary-word@mlflow.example/x": "https://mlflow.example/x",
    "https://token-c4nary-word@mlflow.example": "https://mlflow.example",
    "http://me:c4%2Fnary-word@host:5000/a@b": "http://host:5000/a@b",
    "http://host:5000/a@b": "http://host:5000/a@b",
    "http://host:5000/x?token=c4nary-word#c4nary": "http://host:5000/x",
    "postgresql://me:c4nary-word@db:5432/mlflow": "postgresql://db:5432/mlflow",
    f"postgresql+psycopg2://me:{SECRET}@db/mlflow": "postgresql+psycopg2://db/mlflow",
    "mysql://db/x?user=me&password=c4nary-word&unix_socket=/a": "mysql://db/x?unix_socket=/a",
    "mssql+pyodbc:///?odbc_connect=PWD%3Dc4nary-word": "mssql+pyodbc:///",
    "sqlite:////a/b.db": "sqlite:////a/b.db",
    "/a/folder": "/a/folder",
}


@pytest.mark.parametrize(("address", "shown"), ADDRESSES.items())
def test_public_address_names_the_place_alone(address, shown):
    assert public(address) == shown


@pytest.mark.parametrize("address", [a for a in ADDRESSES if "c4n" in a])
def test_redacted_texts_have_no_secret_of_the_address(address, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    secret = re.search(r"[\w%-]*c4[\w%/#-]*", address)[0]
    page = f"API request to {address}/api/2.0/runs failed"
    words = f"{address}: {secret!r}, that is {unquote(secret)!r}"
    for text in (page, words, address):
        assert secret not in redacted(text)
        assert unquote(secret) not in str(Failure(text, details=text).to_json())


@pytest.mark.parametrize(
    "name", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SESSION_TOKEN"]
)
def test_redacted_texts_have_no_value_of_a_secret_variable(name, monkeypatch):
    monkeypatch.setenv(name, SECRET)
    assert redacted(f"401: {SECRET} is wrong") == "401: *** is wrong"


def test_redacted_hides_the_password_of_any_address():
    text = "push to ftp://me:word@host/x, proxy 'http://a:b@proxy:1'"
    assert redacted(text) == "push to ftp://***@host/x, proxy 'http://***@proxy:1'"
    assert redacted("http://host:5000/a and user@host") == (
        "http://host:5000/a and user@host"
    )
