"""The optimal trading trajectory: exact search beside brute force, the book's enumeration and general solvers."""

from __future__ import annotations

import math
import statistics
import time
from importlib.metadata import PackageNotFoundError, version

from atomloom.trajectory import omega, omega_size, solve
from bench import trajectory_peers as peers
from bench.child import Stopped, fresh
from bench.measure import row

SEED = 1
GAP = 1e-12


def best_of(work, repeats, seconds=2.0):
    """Time a call again and again; give its median, and what it gave."""
    result = work()  # compiled, and laid out
    times, end = [], time.perf_counter() + seconds
    while len(times) < repeats or (time.perf_counter() < end and len(times) < 50 * repeats):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
    return statistics.median(times), result


def proved(result):
    if result.status != "optimal" or not result.gap <= GAP:
        raise ArithmeticError(f"{result!r} is not proved; it is not timed.")
    return result


def digits(assets, horizons, units):
    return f"10^{horizons * math.log10(omega_size(assets, units)):.0f} paths"


def exact_row(shape, unit, most, repeats, **more):
    """Time the exact method on a random problem."""
    problem = peers.problem_of(*shape, SEED)
    seconds, result = best_of(lambda: solve(problem, "exact"), repeats)
    proved(result)
    scale = 1e3 if unit == "ms" else 1.0
    what = f"exact, N {shape[0]} H {shape[1]} K {shape[2]} ({digits(*shape)})"
    note = f"gap {result.gap:.1e}, {result.n_passes} passes"
    return row(what, scale * seconds, unit, most=most, note=note, **more), seconds, result


def against_enumeration(smoke, repeats):
    """Row of brute force and of the exact method where both can, the book's pace beside them."""
    small, middle = (3, 2, 3), (3, 3, 3 if smoke else 6)
    paced = fresh("bench.trajectory_peers:book", 60, assets=3, horizons=2, units=3, seed=SEED, patience=30)
    first = solve(peers.problem_of(*small, SEED), "exact")
    if not math.isclose(paced["best"], first.value, rel_tol=1e-12):
        raise ArithmeticError("the book's enumeration and the exact method differ; neither is timed.")
    pace = paced["paths"] / paced["seconds"]
    books = len(peers.book_columns(middle[0], middle[2])) ** middle[1] / pace
    problem = peers.problem_of(*middle, SEED)
    brute_seconds, brute = best_of(lambda: solve(problem, "brute"), repeats)
    made, seconds, result = exact_row(middle, "ms", 1.1, repeats)
    if not math.isclose(brute.value, result.value, rel_tol=1e-12):
        raise ArithmeticError("brute force and the exact method differ; neither is timed.")
    rate = brute.n_explored / brute_seconds / 1e9
    said = "the book's enumeration, all its paths (extrapolated from N 3 H 2 K 3)"
    return [
        row(made["what"], 1e3 * seconds, "ms", most=1.1, peer=said, peer_value=1e3 * books, headline=True,
            note=made["note"]),
        row("the same beside brute force", 1e3 * seconds, "ms", peer="brute force, two threads",
            peer_value=1e3 * brute_seconds),
        row(f"brute force, N 3 H 3 K {middle[2]}, each path looked at", rate, "10^9 paths/s", least=1.0,
            peer="the book's enumeration, N 3 H 2 K 3", peer_value=pace / 1e9),
    ]  # fmt: skip


def of_omega(repeats):
    seconds, states = best_of(lambda: omega(5, 5), 5 * repeats)
    if len(states) != omega_size(5, 5):
        raise ArithmeticError("omega(5, 5) has another size; it is not timed.")
    grown = fresh("bench.trajectory_peers:omega_of_book", 60, assets=5, units=5, repeats=repeats)
    said = f"the book's, {grown['columns']:,} columns with duplicates"
    return row(f"omega(5, 5): {len(states):,} portfolios", 1e3 * seconds, "ms", most=0.5, peer=said,
               peer_value=1e3 * grown["seconds"])  # fmt: skip


def of_large(smoke):
    """Row of time and of memory of the largest table, in a process of its own."""
    shape = (4, 4, 4) if smoke else (8, 10, 8)
    found = fresh(
        "bench.trajectory_peers:exact_alone", 300, assets=shape[0], horizons=shape[1], units=shape[2], seed=SEED,
        cost_scale=0.3,
    )  # fmt: skip
    if found["status"] != "optimal":
        raise ArithmeticError(f"{shape} is {found['status']}; it is not timed.")
    what = f"N {shape[0]} H {shape[1]} K {shape[2]} ({omega_size(shape[0], shape[2]):,} portfolios)"
    note = f"gap {found['gap']:.1e}, {found['passes']} passes"
    return [
        row(f"exact, {what}", found["seconds"], "s", most=20, headline=True, note=note),
        row(f"peak resident memory of the process, {what}", found["peak"] / 1e9, "GB", most=1.5,
            note=f"{found['before'] / 1e9:.2f} GB before it"),
    ]  # fmt: skip


def of(package):
    """Name the version of a peer."""
    try:
        return f" ({package} {version(package)})"
    except PackageNotFoundError:
        return ""


def asked(name, module, wait, **arguments):
    """Ask a peer in a process of its own; give its answer, or words; None where it is not installed."""
    if not peers.installed(module):
        return None
    try:
        return fresh(f"bench.trajectory_peers:{name}", wait + 60, **arguments)
    except Stopped:
        return f"stopped after {wait + 60} s"


def beside(what, seconds, best, peer, given):
    """Make a row of a peer: its seconds where its path is the best one, else how far below it stayed."""
    if isinstance(given, str):
        return row(what, 1e3 * seconds, "ms", peer=peer, peer_value=given)
    below = (best - given["best"]) / abs(best)
    status = given.get("status")
    said = "" if status is None else ", proved" if status.lower() == "optimal" else ", not proved"
    if not below <= 1e-4:
        return row(what, 1e3 * seconds, "ms", peer=peer,
                   peer_value=f"{below:.2%} below{said} after {given['seconds']:.2g} s")  # fmt: skip
    return row(what, 1e3 * seconds, "ms", peer=f"{peer}: the same path{said}", peer_value=1e3 * given["seconds"])


def of_solvers(smoke, repeats):
    """Rows of general solvers; problems are small, because theirs is the limit."""
    patience = 5 if smoke else 60
    rows = []
    for shape in ((2, 2, 2),) if smoke else ((3, 3, 3), (3, 5, 4)):
        size = dict(zip(("assets", "horizons", "units"), shape, strict=True), seed=SEED)
        problem = peers.problem_of(*shape, SEED)
        seconds, found = best_of(lambda problem=problem: solve(problem, "exact"), repeats)
        proved(found)
        price = found.mean / (2 * found.variance)
        what = f"exact, N {shape[0]} H {shape[1]} K {shape[2]} ({digits(*shape)})"
        sa = {"sampler": "sa", "options": {"num_sweeps": 2_000}, "reads": 100}
        tabu = {"sampler": "tabu", "options": {"timeout": 200}, "reads": 10}
        more = {"patience": patience}
        answers = {
            f"SCIP{of('pyscipopt')}, the ratio as MINLP": asked("scip", "pyscipopt", patience, **size, **more),
            f"CP-SAT{of('ortools')}, two workers, given the right price": asked(
                "cpsat", "ortools", patience, **size, **more, price=price
            ),
            f"simulated annealing{of('dwave-samplers')}, 100 reads a round": asked(
                "annealed", "dwave", patience, **size, **sa
            ),
            f"tabu{of('dwave-samplers')}, 10 reads of 0.2 s a round": asked(
                "annealed", "dwave", patience, **size, **tabu
            ),
        }
        rows += [beside(what, seconds, found.value, peer, given) for peer, given in answers.items() if given]
    return rows


def run(smoke: bool) -> dict:
    repeats = 1 if smoke else 5
    rows = against_enumeration(smoke, repeats)
    if not smoke:
        rows.append(exact_row((4, 20, 8), "ms", 35, repeats)[0])
        rows.append(exact_row((5, 20, 10), "s", 0.8, repeats, headline=True)[0])
        rows.append(exact_row((4, 100, 16), "s", None, 1, headline=True)[0])
    rows += of_large(smoke)
    rows.append(of_omega(repeats))
    rows += of_solvers(smoke, repeats)
    return {
        "title": "The optimal trading trajectory",
        "claim": "The best path of all, with a certificate, at sizes where enumeration would outlive the universe; "
        "random problems of one seed, every exact result proved to 1e-12.",
        "rows": rows,
        "repeats": f"medians of at least {repeats} repeats after a first call; peers once, each in its own process",
    }
