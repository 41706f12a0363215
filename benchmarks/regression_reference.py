"""Reference values of ``sampling/logistic`` by another program: NumPyro's NUTS, with their errors.

    python benchmarks/regression_reference.py [--peer-python PATH] [DATA ...]

The peer is installed into a virtual environment of its own (removed afterwards), or is the one of
``--peer-python``. The ball is mapped to R^n radially, |w| = R tanh|u|, so NUTS knows no boundary.
The tests hold the plugin's samplers against the numbers that this printed. ``HARNESS_DATA`` says
where a1a and heart lie.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

PEER = "numpyro==0.22.0"
RADIUS = 3.0
CHAINS, WARMUP, DRAWS = 4, 1000, 5000

PEER_PROGRAM = """
import sys
import jax, jax.numpy as jnp, numpy as np, numpyro
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.infer import MCMC, NUTS

jax.config.update("jax_enable_x64", True)
data, radius, chains, warmup, draws = sys.argv[1], float(sys.argv[2]), *map(int, sys.argv[3:])
signed = jnp.asarray(np.load(data))
size = signed.shape[1]

def inside(u):
    r = jnp.sqrt(jnp.sum(u * u) + 1e-300)
    return radius * jnp.tanh(r) / r * u

def loss(w):
    return jnp.sum(jnp.logaddexp(0.0, signed @ w))

def energy(u):
    r = jnp.sqrt(jnp.sum(u * u) + 1e-300)
    log_sech = jnp.log(2.0) - r - jnp.log1p(jnp.exp(-2 * r))
    return loss(inside(u)) - (size - 1) * jnp.log(jnp.tanh(r) / r) - 2 * log_sech

run = MCMC(NUTS(potential_fn=energy, target_accept_prob=0.9), num_warmup=warmup,
           num_samples=draws, num_chains=chains, chain_method="sequential", progress_bar=False)
start = 0.1 * np.random.default_rng(0).standard_normal((chains, size))
run.run(jax.random.PRNGKey(1), init_params=jnp.asarray(start), extra_fields=("diverging",))
w = jax.vmap(jax.vmap(inside))(run.get_samples(group_by_chain=True))
norms = np.asarray(jnp.linalg.norm(w, axis=2))
losses = np.asarray(jax.vmap(jax.vmap(loss))(w))
near = norms > 0.999 * radius
for name, values in (("norm", norms), ("potential", losses), ("near_sphere", near)):
    values = np.asarray(values, float)
    ess = effective_sample_size(values)
    print(f"  {name:<12} {values.mean():.6f} ± {values.std() / ess**0.5:.6f}"
          f"  ess {ess:,.0f}  split R-hat {split_gelman_rubin(values):.4f}")
print("  divergences", int(run.get_extra_fields()["diverging"].sum()))
"""


def signed_rows(data: str, path: Path) -> None:
    """−y x of every row, with the column of ones."""
    import numpy as np

    from harness_sampling.logistic import load_rows
    from harness_sampling.regression import Regression

    folder = Path(os.environ.get("HARNESS_DATA", "."))
    files = {"libsvm-a1a": folder / "libsvm/a1a", "libsvm-heart": folder / "libsvm/heart_scale"}
    np.save(path, Regression(*load_rows(data, files.__getitem__)).signed)


def install(folder: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", str(folder / "peer")], check=True)
    python = str(folder / "peer" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", PEER], check=True)
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="an interpreter that has numpyro")
    parser.add_argument("data", nargs="*", default=["breast-cancer", "heart", "a1a"])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = chosen.peer_python or install(folder)
        for data in chosen.data:
            signed_rows(data, folder / "rows.npy")
            size = map(str, (RADIUS, CHAINS, WARMUP, DRAWS))
            command = [python, "-c", PEER_PROGRAM, str(folder / "rows.npy"), *size]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"the peer failed:\n{done.stderr[-2000:]}")
            print(f"{data}, radius {RADIUS:g}, {PEER}, {CHAINS} × {DRAWS:,} draws", flush=True)
            print(done.stdout, end="", flush=True)


if __name__ == "__main__":
    main()
