"""Published certification logs: read strictly, never averaged when unfinished, 59 of 59 cells."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from image_files import archive
from scipy.stats import norm

from harness.api.cell import Cell
from harness.data import describe, locate
from harness_vision.datasets import DATA_SETS
from harness_vision.images import load
from harness_vision.logs import LogFault, alpha_of, parse_log, read_logs
from harness_vision.published import ADMITTED, RADII, PublishedLogs, PublishedRow, pooled
from harness_vision.scores import Certificates, certified_accuracy, envelope

HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime"
SUITE = Path(__file__).parents[3] / "suites" / "smoothadv-published.yaml"
REAL = os.environ.get("HARNESS_DATA", "")
LOGS = Path(REAL) / "smoothadv-logs"
needs_logs = pytest.mark.skipif(
    not (REAL and LOGS.is_dir()), reason="the published logs are not under HARNESS_DATA"
)
# As the sheet of measured scores has them, four decimals, by table and row.
SCORES = {
    (1, "cohen"): [0.4941, 0.3720, 0.2860, 0.1940, 0.1480, 0.1220, 0.0900],
    (1, "ours"): [0.5620, 0.4460, 0.3820, 0.2820, 0.2560, 0.2040, 0.1740],
    (1, "replication"): [0.488, 0.390, 0.274, 0.206, 0.144, 0.108, 0.072],
    (2, "cohen"): [0.6116, 0.4279, 0.3245, 0.2213, 0.1722, 0.1328, 0.0967, 0.0663, 0.0431],
    (2, "ours"): [0.7303, 0.5764, 0.4778, 0.3827, 0.3321, 0.2906, 0.2405, 0.1843, 0.1591],
    (2, "pre-training"): [0.7979, 0.6201, 0.5170, 0.3822, 0.3441, 0.3023, 0.2508, 0.1876, 0.1643],
    (2, "semi-supervision"): [
        *(0.7956, 0.6344, 0.5188, 0.3957, 0.3388, 0.2943, 0.2510, 0.1930, 0.1673),
    ],
    (2, "both"): [0.8144, 0.6279, 0.5153, 0.3660, 0.3305, 0.2926, 0.2501, 0.1837, 0.1600],
}
TABLE_ROWS = [key for key in SCORES if key[1] != "replication"]


def log_text(*lines):
    return "\n".join([HEADER, *lines]) + "\n"


def grid_text(images, step, radius="0.3"):
    return log_text(*(f"{i}\t1\t1\t{radius}\t1\t0:00:01.5" for i in range(0, images, step)))


# One log


def test_a_log_is_read_line_by_line():
    text = log_text(
        "0\t3\t-1\t0.0\t0\t0:00:14.114881", "20\t8\t8\t0.36\t1\t1:02:03.5", "40\t1\t2\t1.2\t0\t15.4"
    )
    read = parse_log("x", text)
    assert read.index.tolist() == [0, 20, 40]
    assert read.correct.tolist() == [False, True, False]
    assert read.radius.tolist() == [0.0, 0.36, 1.2]
    assert read.time_s.tolist() == pytest.approx([14.114881, 3723.5, 15.4])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a/log:1: there is no column idx"),
        ("idx\tlabel\tpredict\tcorrect\ttime\n", "a/log:1: there is no column radius"),
        (log_text("0\t1\t1\t0.3\t1\t1.0", "0\t1\t1\t0.3\t1\t1.0"), "a/log:3: idx 0 stands twice"),
        (log_text("0\t1\t1\tx\t1\t1.0"), "a/log:2: radius 'x' is no number"),
        (log_text("0\t1\t1\tnan\t1\t1.0"), "a/log:2: radius is nan"),
        (log_text("0\t1\t1\t-0.1\t1\t1.0"), r"a/log:2: radius is -0\.1"),
        (log_text("0\t1\t-1\t0.2\t0\t1.0"), r"a/log:2: an abstention .* has radius 0\.2"),
        (log_text("0\t1\t2\t0.2\t1\t1.0"), "a/log:2: correct is 1 where predict is 2"),
        (log_text("0\t-1\t-1\t0.0\t1\t1.0"), "a/log:2: label is -1"),
        (log_text("0\t1.5\t1\t0.2\t1\t1.0"), "label '1.5' is no whole number"),
        (log_text("0\t1\t1\t0.2\t1"), "a/log:2: 5 fields, the header has 6"),
        (log_text("0\t1\t1\t0.2\t1\tsoon"), "time 'soon' is neither"),
    ],
)
def test_a_line_that_no_log_has_is_refused_by_name_and_number(text, told):
    with pytest.raises(LogFault, match=told):
        parse_log("a/log", text)


def test_whole_is_exactly_a_published_grid(tmp_path):
    cifar, imagenet = "g/cifar10/resnet110/{}/sigma_0.25", "g/imagenet/resnet50/{}/sigma_0.25"
    members = {
        cifar.format("all"): grid_text(10_000, 1),
        cifar.format("every-20th"): grid_text(10_000, 20),
        cifar.format("half"): grid_text(5_000, 20),
        cifar.format("every-100th"): grid_text(10_000, 100),
        cifar.format("header"): HEADER + "\n",
        imagenet.format("every-100th"): grid_text(50_000, 100),
        imagenet.format("427"): grid_text(42_700, 100),
        imagenet.format("train"): grid_text(1_281_167, 2_500),
        # 500 lines of a mixture of both grids: a count alone would call it whole.
        imagenet.format("mixed"): grid_text(50_000, 100).replace("\n49900\t", "\n49901\t"),
    }
    path = archive(tmp_path / "a.tar.gz", {k: v.encode() for k, v in members.items()})
    logs = read_logs(path, lambda name: True)
    found = {tuple(log.path.split("/")[1:4:2]): log.status for log in logs}
    assert found == {
        ("cifar10", "all"): "whole",
        ("cifar10", "every-20th"): "whole",
        ("cifar10", "half"): "partial",
        ("cifar10", "every-100th"): "partial",
        ("cifar10", "header"): "header-only",
        ("imagenet", "every-100th"): "whole",
        ("imagenet", "427"): "partial",
        ("imagenet", "train"): "whole",
        ("imagenet", "mixed"): "partial",
    }


@pytest.mark.parametrize("sigma", [0.12, 0.25, 0.5, 1.0])
def test_a_saturated_radius_tells_alpha_and_another_does_not(sigma):
    for alpha in (0.001, 0.01):
        largest = sigma * norm.ppf(alpha ** (1 / 100_000))
        printed = np.array([0.1, float(f"{largest:.3g}")])
        some = Certificates(np.arange(2), np.zeros(2), np.zeros(2), printed, np.zeros(2))
        assert alpha_of(some, sigma) == alpha
    fewer = np.array([sigma * norm.ppf(0.001 ** (1 / 10_000))])  # n = 10,000
    some = Certificates(np.arange(1), np.zeros(1), np.zeros(1), fewer, np.zeros(1))
    assert alpha_of(some, sigma) is None


def test_a_log_of_nothing_known_is_refused(tmp_path):
    path = archive(tmp_path / "a.tar.gz", {"g/mnist/x/sigma_0.25": grid_text(100, 1).encode()})
    with pytest.raises(LogFault, match="names neither of cifar10, imagenet"):
        list(read_logs(path, lambda name: True))
    path = archive(tmp_path / "b.tar.gz", {"g/cifar10/x/stdout.txt": grid_text(100, 1).encode()})
    with pytest.raises(LogFault, match="named sigma_ and the noise"):
        list(read_logs(path, lambda name: True))


# Rows


def imagenet_log(folder, sigma):
    return f"data/certify/best_models/imagenet/{folder}/resnet50/noise_{sigma}/test/sigma_{sigma}"


def test_unfinished_logs_are_left_out_and_named(tmp_path):
    whole, partial = imagenet_log("PGD_1step/eps_127", "0.25"), imagenet_log("PGD_1step/e", "0.50")
    empty = imagenet_log("DDN_2steps/eps_127", "1.00")
    path = archive(
        tmp_path / "a.tar.gz",
        {
            whole: grid_text(50_000, 100, "0.7").encode(),
            partial: grid_text(42_700, 100, "3.9").encode(),
            empty: (HEADER + "\n").encode(),
            imagenet_log("replication", "0.25"): grid_text(50_000, 100, "9").encode(),
        },
    )
    pool = pooled(path, 1, PublishedRow(row="ours"))
    assert [log.path for log in pool.scored] == [whole]
    assert {log.path: log.status for log in pool.left_out} == {
        partial: "partial",
        empty: "header-only",
    }
    outcome = next(iter(PublishedLogs(table=1).evaluate(PublishedRow(), [cell(path)])))
    assert outcome.curves["certified_accuracy"][1] == [1.0, 0, 0, 0, 0, 0, 0]
    assert outcome.final["logs_left_out"] == 2
    assert json.loads(outcome.records[empty]) == {
        "scored": False,
        "status": "header-only",
        "images": 0,
        "alpha": None,
    }


def test_the_one_partial_log_is_admitted_by_its_path_and_size_only(tmp_path):
    (path,) = ADMITTED
    row = PublishedRow(row="cohen")
    good = archive(tmp_path / "good.tar.gz", {path: grid_text(42_700, 100).encode()})
    assert [log.path for log in pooled(good, 1, row).scored] == [path]
    with pytest.raises(ValueError, match="no whole log of table 1, row cohen"):
        pooled(good, 1, PublishedRow(row="cohen", admit_partial=False))
    other = archive(tmp_path / "other.tar.gz", {path: grid_text(40_000, 100).encode()})
    with pytest.raises(ValueError, match="has 400 images; it is admitted with 427 of 500"):
        pooled(other, 1, row)


def test_a_row_that_the_table_does_not_have_is_refused():
    with pytest.raises(ValueError, match="table 1 has no row 'both'; it has cohen, ours"):
        PublishedLogs(table=1).check(PublishedRow(row="both"))
    with pytest.raises(ValueError, match="table must be 1 or 2"):
        PublishedLogs(table=3)


# The real logs


class Job:
    suite_seed, task_name, method_name, device, threads = 1, "task", "method", "cpu", 1

    def __init__(self, path):
        self.path = path

    def data(self, name):
        assert name == "smoothadv-published-logs"
        return self.path


def cell(path):
    return Cell(0, Job(path))


@pytest.fixture(scope="module")
def real():
    """Pools of all rows."""
    describe(DATA_SETS)
    path = locate("smoothadv-published-logs")
    return {(table, row): pooled(path, table, PublishedRow(row=row)) for table, row in SCORES}


@pytest.fixture(scope="module")
def printed():
    """The printed cells of the suite, {(table, row): [value a radius]}."""
    found = {}
    for each in yaml.safe_load(SUITE.read_text(encoding="utf-8"))["published"]:
        if each["metric"] == "certified_accuracy" and "replication" not in each["label"]:
            key = each["params"]["table"], each["label"].partition(" (")[0]
            found.setdefault(key, {})[each["at"]] = each["value"]
    return {key: [cells[r] for r in RADII[key[0]]] for key, cells in found.items()}


def matching(real, printed, score, rows=TABLE_ROWS):
    """How many cells of each row come out, by a scorer of (log's certificates, radii, sigma)."""
    found = {}
    for table, row in rows:
        curves = [
            score(log.certificates, RADII[table], log.sigma) for log in real[table, row].scored
        ]
        off = np.max(curves, axis=0) - printed[table, row]
        found[table, row] = int((np.abs(off) <= 0.005 + 1e-12).sum())
    return found


@needs_logs
@pytest.mark.parametrize("key", SCORES, ids=str)
def test_every_row_scores_as_measured_before(real, key):
    curve = envelope([log.certificates for log in real[key].scored], RADII[key[0]])
    assert curve == pytest.approx(SCORES[key], abs=5.1e-5)


@needs_logs
def test_59_of_59_cells_come_out(real, printed):
    found = matching(real, printed, lambda some, radii, sigma: certified_accuracy(some, radii))
    assert sum(found.values()) == 59
    assert sum(len(cells) for cells in printed.values()) == 59


@needs_logs
def test_wrong_scorers_do_not_give_the_tables(real, printed):
    def ignoring_correct(some, radii, sigma):
        return certified_accuracy(some._replace(label=np.maximum(some.prediction, 0)), radii)

    def further(some, radii, sigma):
        return certified_accuracy(some, [radius + sigma / 10 for radius in radii])

    assert sum(matching(real, printed, ignoring_correct).values()) == 3
    shifted = matching(real, printed, further)
    assert sum(shifted.values()) == 11
    assert all(count < len(printed[key]) for key, count in shifted.items())


@needs_logs
def test_other_pools_do_not_give_table_1(real, printed):
    path = locate("smoothadv-published-logs")
    whole = pooled(path, 1, PublishedRow(row="cohen", admit_partial=False))
    assert [log.path for log in whole.left_out] == list(ADMITTED)
    curve = envelope([log.certificates for log in whole.scored], RADII[1])
    assert curve[0] == pytest.approx(0.458)
    replication = envelope([log.certificates for log in real[1, "replication"].scored], RADII[1])
    off = np.abs(replication - printed[1, "cohen"])
    assert int((off <= 0.005).sum()) == 1


@needs_logs
def test_rows_pool_what_the_analysis_pooled_at_the_alpha_of_their_labels(real):
    sizes = {key: len(pool.scored) for key, pool in real.items()}
    assert sizes == dict(zip(SCORES, [3, 24, 3, 4, 14, 14, 11, 13], strict=True))
    assert [log.path.split("/")[5] for log in real[1, "ours"].left_out] == ["eps_2048"] * 3
    assert {log.status for log in real[1, "ours"].left_out} == {"header-only"}
    told = {
        key: {log.alpha for log in pool.scored if log.alpha is not None}
        for key, pool in real.items()
    }
    assert told.pop((1, "cohen")) == {0.01}
    assert all(alphas == {0.001} for alphas in told.values())


@needs_logs
@pytest.mark.skipif(not (Path(REAL) / "cifar10").is_dir(), reason="no CIFAR-10 images")
def test_the_logs_carry_the_labels_of_the_images_at_hand(real):
    test = load("cifar10-4000", locate, "test")
    lines = 0
    for (table, _), pool in real.items():
        for log in pool.scored if table == 2 else ():
            some = log.certificates
            known = some.index < len(test)
            assert np.array_equal(some.label[known], test.labels[some.index[known]])
            lines += int(known.sum())
    assert lines == 56_000


@needs_logs
@pytest.mark.parametrize("name", ["published-tables", "ablation-grid"])
def test_every_log_is_as_whole_as_the_manifest_says(name):
    with (LOGS / "MANIFEST.tsv").open(encoding="utf-8") as file:
        known = {
            row["path"]: (row["status"], int(row["rows"]))
            for row in csv.DictReader(file, delimiter="\t")
            if row["archive"] == f"{name}.tar.gz"
        }
    # Of the many whole ones a part: all of them take seconds.
    odd = {path for path, (status, _) in known.items() if status != "whole"}
    wanted = odd | set(sorted(known)[::10])
    logs = read_logs(LOGS / f"{name}.tar.gz", lambda path: path in wanted)
    found = {log.path: (log.status, log.certificates.index.size) for log in logs}
    assert found == {path: known[path] for path in wanted}
