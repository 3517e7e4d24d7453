"""Published weights are fetched over real connections (on this machine), resumed and checked."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import requests.adapters
import torch

import resonance_zoo
from resonance_zoo import weights
from resonance_zoo.card_types import NetworkCard, Published
from resonance_zoo.cards import network_card
from resonance_zoo.checkpoints import pull as pulling
from resonance_zoo.checkpoints import transfer
from resonance_zoo.checkpoints.errors import NothingPublished, PullError, WeightsError
from resonance_zoo.files import sha256

NAME = "mmer_bilstm"  # 0.4 MB
WEB_PAGE = b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title></html>"
FILE_ID = "1wRxwEZlrc3z3DqQ84xm_olmqRsj2obH3"


@dataclass
class Web:
    """What the server answers, and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)  # by path and query
    break_after: int | None = None  # bytes of the next answer
    knows_ranges: bool = True
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, range
    url: str = ""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    site = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            site.asked.append((self.path, wanted))
            content = site.files.get(self.path)
            if content is None or site.status != 200:
                self.send_error(404 if content is None else site.status)
                return
            start = int(wanted[6:-1]) if wanted and site.knows_ranges else 0
            if wanted and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                span = f"bytes {start}-{len(content) - 1}/{len(content)}"
                self.send_header("Content-Range", span)
            kind = "text/html" if content.startswith(b"<") else "application/octet-stream"
            self.send_header("Content-Type", kind)
            if not content.startswith(b"<"):
                self.send_header("Content-Disposition", 'attachment; filename="best.pth"')
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            stop = len(content) if site.break_after is None else start + site.break_after
            site.break_after = None
            self.wfile.write(content[start:stop])

        def log_message(self, format: str, *args: object) -> None: ...

    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def drive(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The same server where gdown believes Google to be."""
    send = requests.adapters.HTTPAdapter.send

    def redirected(self: object, request: requests.PreparedRequest, **options: object) -> object:
        parts = urlsplit(request.url or "")
        request.url = f"{web.url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return send(self, request, **options)  # pyright: ignore

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", redirected)
    monkeypatch.setattr(sys.modules["gdown.download"], "CHUNK_SIZE", 1 << 16)
    return web


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained weights as somebody publishes them."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("published") / "best.pth"
    torch.save({"state_dict": resonance_zoo.create(NAME).state_dict(), "epoch": 3}, path)
    return path


def card(**fields: object) -> tuple[NetworkCard, Published]:
    base = {"name": "ravdess", "kind": "http", "location": "", "terms": "ours: https://x"}
    published = Published(**{**base, **fields})  # pyright: ignore
    return replace(network_card(NAME), weights=(published,)), published


def pull(folder: Path, published: tuple[NetworkCard, Published]) -> Path:
    return pulling.pull(*published, folder, progress=False)


@pytest.fixture
def on_http(web: Web, checkpoint: Path) -> tuple[NetworkCard, Published]:
    web.files["/best.pth"] = checkpoint.read_bytes()
    return card(location=f"{web.url}/best.pth")


@pytest.fixture
def on_drive(drive: Web, checkpoint: Path) -> tuple[NetworkCard, Published]:
    drive.files[f"/uc?id={FILE_ID}"] = checkpoint.read_bytes()
    return card(kind="google-drive", location=f"https://drive.google.com/file/d/{FILE_ID}/view")


Where = tuple[NetworkCard, Published]
both = pytest.mark.parametrize("where", ["on_http", "on_drive"])


@pytest.fixture
def publication(where: str, request: pytest.FixtureRequest) -> Where:
    return request.getfixturevalue(where)


@both
def test_a_file_is_fetched_checked_and_kept(
    tmp_path: Path, publication: Where, checkpoint: Path
) -> None:
    path = pull(tmp_path, publication)
    assert path == tmp_path / f"{NAME}.safetensors"
    kept = weights.stored(NAME, tmp_path)
    assert kept is not None and kept.source_sha256 == sha256(checkpoint)
    assert kept.origin == publication[1].location
    assert weights.load(NAME, tmp_path)
    assert not (tmp_path / "pulling" / NAME).exists()
    assert pulling.already_here(*publication, tmp_path) == kept


@both
def test_a_broken_transfer_goes_on_where_it_stopped(
    tmp_path: Path, publication: Where, web: Web, checkpoint: Path
) -> None:
    web.break_after = 200_000
    with pytest.raises(PullError, match="broke off") as caught:
        pull(tmp_path, publication)
    assert caught.value.hint.startswith("What came is kept; run the same command to go on")
    assert weights.stored(NAME, tmp_path) is None
    [part] = (tmp_path / "pulling" / NAME).iterdir()
    here = part.stat().st_size
    assert 0 < here < checkpoint.stat().st_size
    web.asked.clear()
    pull(tmp_path, publication)
    ranges = [wanted for _, wanted in web.asked if wanted]
    assert ranges == [f"bytes={here}-"]
    kept = weights.stored(NAME, tmp_path)
    assert kept is not None and kept.source_sha256 == sha256(checkpoint)
    assert not (tmp_path / "pulling" / NAME).exists()


def test_a_server_without_ranges_starts_over(
    tmp_path: Path, on_http: Where, web: Web, checkpoint: Path
) -> None:
    web.break_after, web.knows_ranges = 200_000, False
    with pytest.raises(PullError):
        pull(tmp_path, on_http)
    pull(tmp_path, on_http)
    kept = weights.stored(NAME, tmp_path)
    assert kept is not None and kept.source_sha256 == sha256(checkpoint)


@both
def test_pieces_of_another_file_are_thrown_away(
    tmp_path: Path, publication: Where, web: Web
) -> None:
    """The file became shorter since: neither half of it may end up in the other."""
    web.break_after = 200_000
    with pytest.raises(PullError):
        pull(tmp_path, publication)
    whole = dict(web.files)
    web.files.update(dict.fromkeys(web.files, b"short"))
    with pytest.raises(PullError):
        pull(tmp_path, publication)
    web.files.update(whole)
    for _ in range(2):  # the first may only clear up
        try:
            pull(tmp_path, publication)
        except PullError:
            continue
    assert weights.load(NAME, tmp_path)


@both
def test_a_web_page_instead_of_the_file(tmp_path: Path, publication: Where, web: Web) -> None:
    whole = dict(web.files)
    web.files.update(dict.fromkeys(web.files, WEB_PAGE))
    with pytest.raises(WeightsError, match=r"web page|does not hand the file out") as caught:
        pull(tmp_path, publication)
    assert f"models import FILE --as {NAME}" in caught.value.hint
    assert publication[1].location in caught.value.hint
    web.files.update(whole)  # the page must not have been kept as the file
    assert pull(tmp_path, publication)


@pytest.mark.parametrize(
    ("where", "words"),
    [("on_http", "The server answered 503"), ("on_drive", "does not hand the file out")],
)
def test_a_server_that_refuses(tmp_path: Path, publication: Where, web: Web, words: str) -> None:
    web.status = 503
    with pytest.raises(PullError, match=words):
        pull(tmp_path, publication)


@both
def test_offline(
    tmp_path: Path, publication: Where, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unplugged(*_: object, **__: object) -> None:
        raise requests.ConnectionError("a paragraph of nested objects")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", unplugged)
    with pytest.raises(PullError, match=r"^The connection failed or broke off\.$") as caught:
        pull(tmp_path, publication)
    assert caught.value.hint.startswith("Nothing came; run the same command again. Or ")


def test_a_hash_that_the_card_does_not_name(tmp_path: Path, on_http: Where, web: Web) -> None:
    network, published = on_http
    wrong = replace(published, sha256="0" * 64)
    with pytest.raises(PullError, match="not the file that the card names: SHA-256"):
        pull(tmp_path, (network, wrong))
    assert weights.stored(NAME, tmp_path) is None
    assert pull(tmp_path, on_http)  # the refused file is not taken for the right one


def test_a_publication_that_changed_since_it_was_first_fetched(
    tmp_path: Path, on_http: Where, web: Web
) -> None:
    path = pull(tmp_path, on_http)
    path.write_bytes(path.read_bytes()[:-1])  # damaged, so that it is fetched again
    assert pulling.already_here(*on_http, tmp_path) is None
    other = resonance_zoo.create(NAME).state_dict()
    torch.save(other, tmp_path / "other.pth")
    web.files["/best.pth"] = (tmp_path / "other.pth").read_bytes()
    with pytest.raises(PullError, match="is not the file that was fetched on"):
        pull(tmp_path, on_http)


def test_the_wrong_network_is_said_and_the_file_is_kept(
    tmp_path: Path, on_http: Where, web: Web
) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    web.files["/best.pth"] = (tmp_path / "other.pth").read_bytes()
    with pytest.raises(weights.WrongArchitecture):
        pull(tmp_path, on_http)
    assert (tmp_path / "pulling" / NAME / "best.pth").is_file()


def test_weights_to_start_from_are_kept_beside_the_network(tmp_path: Path, on_http: Where) -> None:
    network, published = on_http
    path = pull(tmp_path, (network, replace(published, is_start=True)))
    assert path.name == f"{NAME}.ravdess.safetensors"
    assert weights.stored(NAME, tmp_path) is None


def test_the_page_before_large_files_on_drive(
    tmp_path: Path, drive: Web, on_drive: Where, checkpoint: Path
) -> None:
    drive.files[f"/uc?id={FILE_ID}"] = (
        b"<html><body>Google Drive can't scan this file for viruses."
        b'<form id="download-form" action="https://drive.usercontent.google.com/download">'
        b'<input type="hidden" name="id" value="' + FILE_ID.encode() + b'">'
        b'<input type="hidden" name="confirm" value="t"></form></body></html>'
    )
    drive.files[f"/download?id={FILE_ID}&confirm=t"] = checkpoint.read_bytes()
    assert pull(tmp_path, on_drive)
    assert parse_qs(urlsplit(drive.asked[-1][0]).query)["confirm"] == ["t"]


def folder_page(*names: str) -> bytes:
    links = "".join(
        f'<a href="https://drive.google.com/file/d/{FILE_ID[:-1]}{i}/view">{name}</a>'
        for i, name in enumerate(names)
    )
    return f"<html><head><title>add</title></head><body>{links}</body></html>".encode()


def in_folder(wanted: str = "") -> Where:
    where = "https://drive.google.com/drive/folders/1DLdfTPgA321QE9rwFNBBGNilN6GKwKrA"
    return card(kind="google-drive-folder", location=where, file=wanted)


LISTING = "/embeddedfolderview?id=1DLdfTPgA321QE9rwFNBBGNilN6GKwKrA"


@pytest.mark.parametrize(
    ("names", "wanted", "index"),
    [
        (("best.pth", "log.txt"), "", 0),
        (("log.txt", "best.pth"), "add", 1),  # the only checkpoint needs no name
        (("cat-best.pth", "add-best.pth"), "add", 1),
    ],
)
def test_the_checkpoint_in_a_shared_folder(
    tmp_path: Path, drive: Web, checkpoint: Path, names: tuple[str, ...], wanted: str, index: int
) -> None:
    drive.files[LISTING] = folder_page(*names)
    drive.files[f"/uc?id={FILE_ID[:-1]}{index}"] = checkpoint.read_bytes()
    assert pull(tmp_path, in_folder(wanted))


@pytest.mark.parametrize("names", [(), ("log.txt",), ("a.pth", "b.pth"), ("add1.pth", "add2.pth")])
def test_a_shared_folder_that_is_not_clear(
    tmp_path: Path, drive: Web, names: tuple[str, ...]
) -> None:
    drive.files[LISTING] = folder_page(*names)
    listed = re.escape(", ".join(names) or "nothing")
    with pytest.raises(PullError, match=f"not clear which file is meant: {listed}"):
        pull(tmp_path, in_folder("add"))


def test_nothing_is_left_in_the_persons_home(
    tmp_path: Path, on_drive: Where, empty_home: Path
) -> None:
    pull(tmp_path, on_drive)
    assert not list(empty_home.rglob("cookies*"))


def test_what_can_be_asked_for() -> None:
    assert pulling.find("mae_dfer")[1].name == "dfew_fold1"
    assert pulling.find("mae_dfer.dfew_fold3")[1].name == "dfew_fold3"
    network, start = pulling.find("videomae_base")
    assert start.is_start
    assert pulling.stored_name(network, start) == "videomae_base.k400_pretrain"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ial", "No weights of ial can be fetched. Never published"),
        ("mmer_bilstm", "not read here"),
        ("static_cnn", "comes with the package"),
        ("mae_dfer.dfew_fold9", "Nothing is published as mae_dfer.dfew_fold9"),
    ],
)
def test_what_cannot_be_fetched(name: str, words: str) -> None:
    with pytest.raises(NothingPublished, match=re.escape(words)) as caught:
        pulling.find(name)
    assert caught.value.hint or name == "static_cnn"


def test_all_tags_are_offered() -> None:
    with pytest.raises(NothingPublished) as caught:
        pulling.find("mae_dfer.dfew_fold9")
    tags = [f"mae_dfer.dfew_fold{fold}" for fold in range(1, 6)]
    assert caught.value.hint == f"There is: {', '.join(tags)}"


def test_unknown_names() -> None:
    with pytest.raises(resonance_zoo.UnknownModel):
        pulling.find("mae_dfr")


def test_a_disk_that_is_full(
    tmp_path: Path, on_http: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "_download", full)
    with pytest.raises(PullError, match="cannot be kept: No space left on device"):
        pull(tmp_path, on_http)


def test_progress_tells_bytes_and_total(tmp_path: Path, on_http: Where, checkpoint: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    transfer.fetch_http(
        on_http[1].location, tmp_path / "f.pth", lambda here, total: seen.append((here, total))
    )
    size = checkpoint.stat().st_size
    assert seen[-1] == (size, size)
    assert [here for here, _ in seen] == sorted(here for here, _ in seen)


def test_the_bar_is_drawn_on_stderr(
    tmp_path: Path, on_http: Where, capsys: pytest.CaptureFixture[str]
) -> None:
    pulling.pull(*on_http, tmp_path, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and NAME in err and "100%" in err
