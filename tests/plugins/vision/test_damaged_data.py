"""A data set that is absent skips its cells; one whose file is damaged fails them, by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from image_files import archive, binary_records, drawn

import harness
from harness.cli.result import result_lines
from harness.data.locate import sha256_of
from harness.errors import ExitCode
from harness.runner.settings import Settings
from harness_vision import datasets

SUITE = """suite: damaged
hardware: {any: {cpus: 1}}
defaults: {hardware: any, seeds: 1}
entries:
  - task: vision/cifar10
    params: {limit: 2, n: 100, radii: [0], batch: 100}
    methods:
      - vision/plain: {backbone: strided-cnn, epochs: 1, batch: 20, on_collapse: keep}
        as: trained
  - task: vision/clean-accuracy
    params: {dataset: cifar10, limit: 2}
    methods:
      - vision/pretrained
"""


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Runs the suite on whatever lies below HARNESS_DATA; what each label came to."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "damaged.yaml").write_text(SUITE)

    def run():
        settings = Settings(results=tmp_path / "results", inline=True)
        done = harness.run(tmp_path / "damaged.yaml", settings=settings)
        cells = done.cells().set_index("label")
        return done, cells["status"].to_dict(), cells["error_message"].to_dict()

    return run


def test_absent_data_skip_their_cells(ran):
    _, status, told = ran()
    assert set(status.values()) == {"skipped"}
    assert all("harness data fetch cifar10-binary" in each for each in told.values())


def test_a_changed_byte_fails_the_cells_and_names_file_hashes_and_remedy(
    ran, tmp_path, monkeypatch
):
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    members = {f"c/data_batch_{n}.bin": binary_records(*drawn(20, n)) for n in range(1, 6)}
    members["c/test_batch.bin"] = binary_records(*drawn(40, 9))
    path = archive(folder / "cifar-10-binary.tar.gz", members)
    declared, size = sha256_of(path), path.stat().st_size
    official = datasets.CIFAR10_BINARY
    monkeypatch.setattr(datasets, "CIFAR10_BINARY", replace(official, sha256=declared, bytes=size))
    content = bytearray(path.read_bytes())
    content[size // 2] ^= 1
    path.unlink()
    path.write_bytes(content)
    done, status, told = ran()
    assert set(status.values()) == {"failed"}
    assert done.exit_code() is ExitCode.CELLS_FAILED
    for each in told.values():
        assert f'{path} is damaged or another file than the data set "cifar10-binary": ' in each
        assert f"its sha256 is {sha256_of(path)}, declared is {declared}. " in each
        assert each.endswith("Remove it, then harness data fetch cifar10-binary")


def test_records_of_no_class_are_counted_on_the_screen_of_the_run(ran, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    drawings = {n: drawn(20, n) for n in range(1, 6)}
    drawings[2][0][:3] = 200
    members = {f"c/data_batch_{n}.bin": binary_records(*each) for n, each in drawings.items()}
    members["c/test_batch.bin"] = binary_records(*drawn(40, 9))
    path = archive(folder / "cifar-10-binary.tar.gz", members)
    declared = replace(datasets.CIFAR10_BINARY, sha256=sha256_of(path), bytes=path.stat().st_size)
    monkeypatch.setattr(datasets, "CIFAR10_BINARY", declared)
    done, status, _ = ran()
    assert status["trained"] == "ok"
    lines = result_lines(done, 100, seconds=1.0, code=done.exit_code(), command="again")
    told = ["".join(span.text for span in line) for line in lines]
    (amiss,) = (line for line in told if line.startswith("! "))
    assert amiss.startswith("! vision/cifar10 ")
    assert amiss.endswith("training_images_skipped is trained 3, 0 is expected")
