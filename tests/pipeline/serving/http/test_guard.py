"""Who may ask `serve`: by Host, Origin and token."""

import asyncio
import base64
import json

import pytest

from phistar.pipeline.serving.http import guard

TOKEN = "a-token-of-enough-characters"
PORT = ":5001"
LOCAL = f"localhost{PORT}"


def asked(door, path="/invocations", **fields):
    """Status of an answer, and its content; a field may come several times."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    values = [(n, [v] if isinstance(v, str) else v) for n, v in fields.items()]
    headers = [(n.encode(), v.encode("latin-1")) for n, vs in values for v in vs]
    scope = {"type": "http", "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "headers": headers}
    asyncio.run(guard.Guard(app, door)(scope, None, send))
    content = json.loads(sent[1]["body"]) if len(sent) > 1 else None
    return sent[0]["status"], content


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    """No token in the environment."""
    monkeypatch.delenv(guard.VARIABLE, raising=False)


HERE = ("127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.0.0.2")
ELSEWHERE = (
    *("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"),
    *("", ":5001", "[", "localhost@evil.example", "xn--lcalhost-5fa"),
)


@pytest.mark.parametrize("port", ["", PORT])
@pytest.mark.parametrize("name", [*HERE, *ELSEWHERE])
def test_host_is_this_machine(name, port):
    found, content = asked(guard.door("127.0.0.2"), host=name + port)
    assert found == (200 if name in HERE else 403)
    if found == 403:
        assert content["input"] == "host"
        assert "Expected: 127.0.0.1" in content["message"]


def test_host_comes_once():
    door = guard.door("127.0.0.1")
    assert asked(door)[0] == 403
    assert asked(door, host=["localhost", "localhost"])[0] == 403


SAME = ("http://localhost:5001", "https://LOCALHOST:5001")
OTHER = (
    *("http://evil.example", "http://localhost", "http://localhost:5000", "null"),
    *("http://127.0.0.1:5001", "", "localhost:5001", "http://[", "file://"),
)


@pytest.mark.parametrize("origin", [*SAME, *OTHER])
def test_origin_is_the_server_itself(origin):
    found, content = asked(guard.door("127.0.0.1"), host=LOCAL, origin=origin)
    assert found == (200 if origin in SAME else 403)
    assert content is None or content["input"] == "origin"


def test_an_origin_of_several_is_refused():
    origins = [SAME[0], "http://evil.example"]
    assert asked(guard.door("127.0.0.1"), host=LOCAL, origin=origins)[0] == 403


def basic(text):
    """The field of Basic."""
    return f"Basic {base64.b64encode(text.encode()).decode()}"


GOOD = (f"Bearer {TOKEN}", f"bearer  {TOKEN}", basic(f"me:{TOKEN}"), basic(f":{TOKEN}"))
BAD = (
    *("", "Bearer", "Bearer ", TOKEN, f"Token {TOKEN}", f"Bearer {TOKEN}x"),
    *(f"Bearer {TOKEN[:-1]}", "Bearer é", basic(TOKEN), basic(f"{TOKEN}:me")),
    *("Basic *", "Basic é"),
)


@pytest.mark.parametrize("field", [*GOOD, *BAD])
def test_a_server_for_others_wants_its_token(monkeypatch, field):
    monkeypatch.setenv(guard.VARIABLE, TOKEN)
    for host in ("0.0.0.0", "192.0.2.1", "127.0.0.1"):
        door = guard.door(host)
        for path in ("/invocations", "/", "/contract", "/ping/"):
            found, content = asked(door, path, host="localhost", authorization=field)
            assert found == (200 if field in GOOD else 401)
            assert TOKEN not in json.dumps(content)
        assert asked(door, "/ping", host="localhost")[0] == 200
        assert asked(door, host="localhost")[0] == 401
        assert TOKEN not in (door.shown + door.users)


def test_elsewhere_a_token_is_made_and_any_name_of_the_server_will_do():
    doors = [guard.door("0.0.0.0") for _ in range(2)]
    assert doors[0].token != doors[1].token and len(doors[0].token) > 40
    assert doors[0].token == doors[0].shown and doors[0].token in doors[0].users
    found = {"host": "model.example", "authorization": f"Bearer {doors[0].token}"}
    assert asked(doors[0], **found)[0] == 200
    assert asked(doors[0], **found, origin="http://evil.example")[0] == 403
    assert guard.door("127.0.0.1").token is guard.door("localhost").token is None


@pytest.mark.parametrize("token", ["", "short", "a token\nof two lines", "é" * 20])
def test_a_token_that_is_none_is_refused(monkeypatch, token):
    monkeypatch.setenv(guard.VARIABLE, token)
    with pytest.raises(ValueError, match=r"is no token. Received: \d+ characters"):
        guard.door("127.0.0.1")


def test_a_head_has_a_limit():
    large = "x" * guard.MAX_HEAD
    assert asked(guard.door("127.0.0.1"), host="localhost", a=large)[0] == 431
    assert asked(guard.door("127.0.0.1"), f"/{large}", host="localhost")[0] == 431
