"""What `--camera` may be, and what is shown of it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resonance_tui.errors import SourceInvalid
from resonance_tui.pipeline.sources import Source, mask_url, parse_source
from resonance_tui.widths import printable


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("0", Source("device", "0")),
        ("007", Source("device", "7")),
        (" demo ", Source("demo")),
        ("DEMO", Source("demo")),
        ("None", Source("none")),
        ("/dev/video2", Source("device", "2")),
        ("rtsp://user:pw@host:554/live", Source("url", "rtsp://user:pw@host:554/live")),
        ("HTTP://host/x.m3u8?token=1", Source("url", "HTTP://host/x.m3u8?token=1")),
        ("rtmp://host/app/key", Source("url", "rtmp://host/app/key")),
    ],
)
def test_what_is_meant(text, source):
    assert parse_source(text) == source


def test_an_existing_file(tmp_path):
    path = tmp_path / "my clip.mp4"
    path.write_bytes(b"x")
    assert parse_source(str(path)) == Source("file", str(path))
    assert parse_source(str(path)).label == "my clip.mp4"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("-1", "no file"),
        ("1.5", "no file"),
        ("1000", "no device number"),
        ("9" * 5000, "no device number"),
        ("²", "no file"),
        ("nothing-here.mp4", "no file nothing-here.mp4"),
        ("ftp://host/x", "ftp://"),
        ("file:///etc/passwd", "file://"),
        ("http://", "no host"),
        ("rtsp://:secret@/x", "no host"),
        ("http://[::1", "does not parse"),
        ("http://user:secret@host:99999/", "does not parse"),
        ("x" * 5000, "cannot be read"),
        ("/dev/null", "neither"),
        ("~nobody-of-this-name/x", "cannot be read"),
    ],
)
def test_what_is_refused(text, words):
    with pytest.raises(SourceInvalid) as caught:
        parse_source(text)
    assert words in caught.value.message
    assert caught.value.hint
    assert "secret" not in caught.value.message + caught.value.hint


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(SourceInvalid, match="folder"):
        parse_source(str(tmp_path))


@given(st.text(max_size=40))
@example("\x1b[2J")
@example("a\0b")
@example("\U0001fa7d")
@example("~\U0001fa7d")
def test_any_text_is_a_source_or_a_clear_refusal(text):
    try:
        assert parse_source(text).label.isprintable()
    except SourceInvalid as error:
        assert error.message.isprintable()


@given(
    scheme=st.sampled_from(["rtsp", "rtmp", "http", "https"]),
    user=st.sampled_from(["", "me"]),
    path=st.sampled_from(["", "/", "/s3cret", "/user=me_password=s3cret/x", "/@s3cret"]),
    query=st.sampled_from(["", "?token=s3cret", "#s3cret"]),
)
def test_secrets_of_a_stream_are_never_shown(scheme, user, path, query):
    url = f"{scheme}://{user}:s3cret@host:80{path}{query}"
    source = parse_source(url)
    assert source.label.startswith(f"{scheme}://host:80")
    assert "s3cret" not in source.label + repr(source)


def test_a_url_that_does_not_parse_shows_its_scheme_only():
    assert mask_url("http://user:s3cret@[::1") == "http://..."


def test_printable():
    assert printable("a\x1b[31m\u202eb\n") == "a[31mb"


@pytest.mark.parametrize("password", ["p#ss", "p/ss", "p?ss", "1#ss"])
def test_a_password_that_ends_the_address_of_a_camera_is_named(password: str):
    url = f"rtsp://mia:{password}@192.168.1.2:554/live"
    with pytest.raises(SourceInvalid, match="password") as caught:
        parse_source(url)
    assert "%23" in caught.value.hint and "ss@" not in caught.value.message
    assert parse_source(url.replace(password, quote(password, safe=""))).kind == "url"


@pytest.mark.parametrize(
    "url", ["http://host/@user/live", "rtsp://m%40il:x@host/a@b", "http://host:80/?a=b@c"]
)
def test_an_at_sign_behind_the_host_is_no_password(url: str):
    assert parse_source(url).kind == "url"
