"""Data sets and weights that this plugin declares; nothing heavy is imported here.

CIFAR-10 is declared twice. ``cifar10`` is the full release, in either of the two archives that
its authors publish. ``cifar10-4000`` is the first 4,000 training and the first 1,000 test images
in the binary layout, small enough to develop on; an image has the official index in both.
"""

from __future__ import annotations

from harness.data import DataSet

__all__ = ["DATA_SETS"]

_CIFAR10_TERMS = "none stated; cite Krizhevsky 2009"
_CIFAR10_PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
_SMOOTHADV = "https://github.com/Hadisalman/smoothing-adversarial"
_RESNETS = "https://github.com/akamaster/pytorch_resnet_cifar10"

CIFAR10_BINARY = DataSet(
    name="cifar10-binary",
    path="cifar10/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    bytes=170_052_171,
    licence=_CIFAR10_TERMS,
    source=_CIFAR10_PAGE,
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    description="CIFAR-10, full release, binary layout: 50,000 + 10,000 images",
)
CIFAR10_PYTHON = DataSet(
    name="cifar10-python",
    path="cifar10/cifar-10-python.tar.gz",
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    bytes=170_498_071,
    licence=_CIFAR10_TERMS,
    source=_CIFAR10_PAGE,
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    description="CIFAR-10, full release, pickled layout (read without running its pickles)",
)
CIFAR10_4000_TRAIN = DataSet(
    name="cifar10-4000-train",
    path="cifar10/cifar-10-batches-bin/data_batch_1.bin",
    sha256="0993cf8b8e43bc207603aef9787006995746513f5e3fa5a52e06d1b069926330",
    bytes=12_292_000,
    licence=_CIFAR10_TERMS,
    source=_CIFAR10_PAGE,
    description="CIFAR-10, its first 4,000 training images, binary layout",
)
CIFAR10_4000_TEST = DataSet(
    name="cifar10-4000-test",
    path="cifar10/cifar-10-batches-bin/test_batch.bin",
    sha256="8314c96d7cd65618193bab23acdd5d4c4af15bf6dd00a1781d55beedf3be1ef5",
    bytes=3_073_000,
    licence=_CIFAR10_TERMS,
    source=_CIFAR10_PAGE,
    description="CIFAR-10, its first 1,000 test images, binary layout",
)


def _fashion(name: str, file: str, size: int, digest: str, about: str) -> DataSet:
    return DataSet(
        name=name,
        path=f"fashion-mnist/{file}",
        sha256=digest,
        bytes=size,
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
        url=f"{_FASHION}/{file}",
        description=f"Fashion-MNIST, {about}",
    )


FASHION_TRAIN_IMAGES = _fashion(
    "fashion-mnist-train-images",
    "train-images-idx3-ubyte.gz",
    26_421_880,
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "60,000 training images",
)
FASHION_TRAIN_LABELS = _fashion(
    "fashion-mnist-train-labels",
    "train-labels-idx1-ubyte.gz",
    29_515,
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "labels of the training images",
)
FASHION_TEST_IMAGES = _fashion(
    "fashion-mnist-test-images",
    "t10k-images-idx3-ubyte.gz",
    4_422_102,
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "10,000 test images",
)
FASHION_TEST_LABELS = _fashion(
    "fashion-mnist-test-labels",
    "t10k-labels-idx1-ubyte.gz",
    5_148,
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    "labels of the test images",
)
IMAGENET = DataSet(
    name="imagenet",
    path="imagenet",
    sha256="",
    bytes=155_000_000_000,
    licence="non-commercial research; terms of image-net.org",
    source="https://image-net.org/challenges/LSVRC/2012/",
    description="ImageNet (ILSVRC 2012), folders train/WNID/ and val/WNID/ of JPEG files",
    is_folder=True,
)


def _resnet(depth: int, size: int, digest: str, accuracy: str) -> DataSet:
    return DataSet(
        name=f"cifar10-resnet{depth}",
        path=f"cifar10-resnet/resnet{depth}.safetensors",
        sha256=digest,
        bytes=size,
        licence="BSD-2-Clause",
        source=_RESNETS,
        description=f"ResNet-{depth} (shortcut A) trained on CIFAR-10, published {accuracy} %",
    )


CIFAR10_RESNET20 = _resnet(
    20, 1_092_552, "067e58d1f213d012fea54d151d17091064bd0debafb040f28a5c14e66845cf9a", "91.73"
)
CIFAR10_RESNET56 = _resnet(
    56, 3_452_016, "73e01676011c14ce404ecdee11e01f072a6a6b0d0eae5fab6163c4481dbdc33d", "93.39"
)

PUBLISHED_LOGS = DataSet(
    name="smoothadv-published-logs",
    path="smoothadv-logs/published-tables.tar.gz",
    sha256="e8cecfec0daa13f790dfb1b2f3f2ebfa425b6ef559c921b5d59612404d7d2d31",
    bytes=5_122_334,
    licence="MIT",
    source=_SMOOTHADV,
    description="Certification logs behind Tables 1 and 2 of Salman et al. 2019: 99 logs",
)
ABLATION_LOGS = DataSet(
    name="smoothadv-ablation-logs",
    path="smoothadv-logs/ablation-grid.tar.gz",
    sha256="d52874653d1530859e21cfc3efc3fda35ac93a37af5d5aabdb1ed06344d9e2a1",
    bytes=6_476_810,
    licence="MIT",
    source=_SMOOTHADV,
    description="Certification logs of the grids of Salman et al. 2019: 1,432 logs",
)

DATA_SETS = {
    each.name: f"harness_vision.datasets:{name}"
    for name, each in list(globals().items())
    if isinstance(each, DataSet)
}
