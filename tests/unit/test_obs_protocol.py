"""obs-websocket 5 as texts and values, and positions in a recording from OBS's events."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.obs.protocol import (
    Event,
    Events,
    Hello,
    Identified,
    ObsProblem,
    RequestRefused,
    Response,
    WrongPassword,
    WrongVersion,
    authentication,
    closed,
    decode,
    identify,
    request,
)
from resonance_tui.obs.record_clock import HELD_BACK_S, Position, RecordClock
from resonance_tui.secret import Secret

SALT = "lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI="
CHALLENGE = "+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY="
PASSWORD = Secret("supersecretpassword")


def sent(op: int, **body: object) -> str:
    return json.dumps({"op": op, "d": body})


# Messages


def test_the_proof_of_the_password_is_that_of_the_published_example() -> None:
    proof = authentication(PASSWORD, SALT, CHALLENGE)
    assert proof == "1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4="


def test_hello_with_and_without_a_password() -> None:
    body = {"obsWebSocketVersion": "5.1.0", "rpcVersion": 1}
    proof = {"challenge": CHALLENGE, "salt": SALT}
    assert decode(sent(0, **body)) == Hello("5.1.0", 1)
    hello = decode(sent(0, **body, authentication=proof))
    assert hello == Hello("5.1.0", 1, CHALLENGE, SALT)
    text = identify(hello, PASSWORD, Events.OUTPUTS)
    assert json.loads(text) == {
        "op": 1,
        "d": {
            "rpcVersion": 1,
            "eventSubscriptions": 64,
            "authentication": authentication(PASSWORD, SALT, CHALLENGE),
        },
    }
    assert "authentication" not in identify(Hello("5.1.0", 1), PASSWORD, Events.OUTPUTS)
    with pytest.raises(WrongPassword, match="asks for a password"):
        identify(hello, Secret(), Events.OUTPUTS)
    with pytest.raises(WrongVersion, match="older protocol"):
        identify(Hello("4.9.1", 0), PASSWORD, Events.OUTPUTS)


def test_answers_and_events() -> None:
    assert decode(sent(2, negotiatedRpcVersion=1)) == Identified(1)
    event = decode(sent(5, eventType="ExitStarted", eventIntent=1))
    assert event == Event("ExitStarted")
    status = {"result": True, "code": 100}
    answer = decode(
        sent(
            7, requestId="3", requestType="GetVersion", requestStatus=status, responseData={"a": 1}
        )
    )
    assert isinstance(answer, Response)
    assert (answer.id, answer.result()) == ("3", {"a": 1})
    assert decode(sent(9, results=[])) is None  # of batches, which are not asked for


@pytest.mark.parametrize(
    ("code", "comment", "says"),
    [(702, "", "Hybrid MP4"), (604, "Not active.", "replay buffer"), (999, "", "own log")],
)
def test_a_refusal_says_what_to_do(code: int, comment: str, says: str) -> None:
    status = {"result": False, "code": code, "comment": comment}
    answer = decode(sent(7, requestId="1", requestType="Save", requestStatus=status))
    assert isinstance(answer, Response)
    with pytest.raises(RequestRefused) as caught:
        answer.result()
    assert caught.value.code == code
    assert says in caught.value.hint
    assert (comment.rstrip(".") or str(code)) in caught.value.message


def test_closing_for_a_password_or_a_version_is_final() -> None:
    assert isinstance(closed(4009, ""), WrongPassword)
    assert isinstance(closed(4010, ""), WrongVersion)
    assert type(closed(1006, "")) is type(closed(4011, "")) is ObsProblem


def test_a_request_has_data_only_where_there_is_some() -> None:
    assert json.loads(request("7", "GetVersion"))["d"] == {
        "requestType": "GetVersion",
        "requestId": "7",
    }
    assert json.loads(request("7", "Set", {"a": 1}))["d"]["requestData"] == {"a": 1}


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"op":0}', '{"op":0,"d":[]}', "x" * 99])
def test_what_is_no_obs_is_said_so(text: str) -> None:
    with pytest.raises(ObsProblem, match="does not speak obs-websocket"):
        decode(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.integers(-1, 10), json_values)
def test_nothing_from_outside_breaks_the_decoder(op: int, body: object) -> None:
    try:
        decode(json.dumps({"op": op, "d": body}))
    except ObsProblem as problem:
        assert problem.hint


# Positions


def state(name: str, output: str = "Record", path: str | None = None) -> Event:
    data = {"outputActive": False, "outputState": f"OBS_WEBSOCKET_OUTPUT_{name}"}
    return Event(f"{output}StateChanged", data | {"outputPath": path})


def played(*events: tuple[float, Event], output: str = "Record") -> RecordClock:
    clock = RecordClock("Stream" if output == "Stream" else "Record")
    for at, event in events:
        clock = clock.after(event, at)
    return clock


def test_a_position_is_the_time_since_the_start() -> None:
    clock = played((100.0, state("STARTING")), (100.4, state("STARTED", path="/v/a.mkv")))
    assert clock.position(130.9) == Position("/v/a.mkv", pytest.approx(30.5), True)
    assert clock.position(100.2) is None


def test_pauses_are_taken_off_and_a_paused_recording_has_no_position() -> None:
    clock = played((0.0, state("STARTED")), (10.0, state("PAUSED")))
    assert clock.position(12.0) is None
    clock = clock.after(state("RESUMED"), 25.0)
    found = clock.position(30.0)
    assert found is not None and found.seconds == 15.0


def test_a_split_begins_a_file_of_its_own() -> None:
    split = Event("RecordFileChanged", {"newOutputPath": "/v/b.mkv"})
    clock = played(
        (0.0, state("STARTED", path="/v/a.mkv")),
        (10.0, state("PAUSED")),
        (15.0, state("RESUMED")),
        (60.0, split),
    )
    assert clock.position(61.0) == Position("/v/b.mkv", 1.0, True)
    assert not played((0.0, split)).is_running


def test_after_the_end_nothing_is_written() -> None:
    clock = played((0.0, state("STARTED")), (10.0, state("STOPPING")), (10.2, state("STOPPED")))
    assert not clock.is_running
    assert clock.position(11.0) is None


def test_a_stream_that_reconnects_keeps_its_start() -> None:
    """OBS counts from 0 again; the video at the platform goes on."""
    clock = played(
        (0.0, state("STARTED", "Stream")),
        (30.0, state("RECONNECTING", "Stream")),
        (40.0, state("STARTED", "Stream")),
        output="Stream",
    )
    found = clock.position(50.0)
    assert found is not None and found.seconds == 50.0


def test_attached_later_a_position_is_marked_as_approximate() -> None:
    clock = RecordClock().attached(100.0, 20.0, is_paused=False)
    assert clock.position(101.0) == Position("", pytest.approx(21.0 + HELD_BACK_S), False)
    paused = RecordClock().attached(100.0, 20.0, is_paused=True)
    assert paused.position(105.0) is None
    found = paused.after(state("RESUMED"), 110.0).position(112.0)
    assert found is not None and found.seconds == pytest.approx(22.0)


def test_events_of_other_outputs_change_nothing() -> None:
    clock = played((0.0, state("STARTED")))
    assert clock.after(state("STOPPED", "Stream"), 5.0) is clock
    assert clock.after(Event("SceneListChanged"), 5.0) is clock
