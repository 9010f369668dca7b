"""The book's search and general solvers on the same problems; each is called in a process of its own.

A general solver gets the problem as its users would state it: SCIP the ratio itself, CP-SAT the sum at the price of
variance that is known to be the right one (a gift: finding it is the search), annealers the whole search.
"""

from __future__ import annotations

import itertools
import time
from importlib.util import find_spec

import numpy as np

SCALE = 10**6


def problem_of(assets, horizons, units, seed, cost_scale=0.3):
    from atomloom.trajectory import random_problem

    return random_problem(assets, horizons, units, seed=seed, cost_scale=cost_scale)


def book(assets, horizons, units, seed, patience):
    """Enumerate as the book does: one path after the other, scored by small arrays; gives paths, seconds and best."""
    problem = problem_of(assets, horizons, units, seed)
    columns = book_columns(assets, units)
    best, count, began = None, 0, time.perf_counter()
    for path in itertools.product(columns, repeat=horizons):
        held, mean, variance = np.zeros(assets), 0.0, 0.0
        for h, w in enumerate(path):
            cost = (problem.cost[h] * np.abs(w - held) ** 0.5).sum()
            mean += np.dot(w, problem.mu[h]) - cost
            variance += np.dot(w, np.dot(problem.cov[h], w))
            held = w.copy()
        value = mean / variance**0.5
        if best is None or value > best:
            best = value
        count += 1
        if count % 1024 == 0 and time.perf_counter() - began > patience:
            break
    return {
        "paths": count, "all": len(columns) ** horizons, "seconds": time.perf_counter() - began, "best": float(best),
    }  # fmt: skip


def book_columns(assets, units):
    """List portfolios as the book does: one array grown by a column at a time, zeros signed both ways."""
    grown = None
    for places in itertools.combinations_with_replacement(range(assets), units):
        part = np.array([places.count(n) for n in range(assets)]) / float(units)
        for signs in itertools.product([-1, 1], repeat=assets):
            column = (part * signs).reshape(-1, 1)
            grown = column.copy() if grown is None else np.append(grown, column, axis=1)
    return list(grown.T)


def omega_of_book(assets, units, repeats):
    book_columns(2, 2)
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        columns = book_columns(assets, units)
        seconds.append(time.perf_counter() - began)
    return {"seconds": min(seconds), "columns": len(columns)}


def installed(module):
    return find_spec(module) is not None


def scip(assets, horizons, units, seed, patience):
    """State the ratio as a mixed-integer nonlinear program: one bit a level, products of bits for costs."""
    from pyscipopt import Model, quicksum

    problem = problem_of(assets, horizons, units, seed)
    model, levels, table = Model(), range(-units, units + 1), problem.table()
    model.hideOutput()
    model.setParam("limits/time", patience)
    bit = {
        (h, n, k): model.addVar(vtype="B") for h in range(horizons) for n in range(assets) for k in levels
    }  # fmt: skip
    weight, mean = {}, []
    for h in range(horizons):
        for n in range(assets):
            model.addCons(quicksum(bit[h, n, k] for k in levels) == 1)
            weight[h, n] = quicksum(k / units * bit[h, n, k] for k in levels)
            mean.append(problem.mu[h, n] * weight[h, n])
        model.addCons(quicksum(abs(k) * bit[h, n, k] for n in range(assets) for k in levels) == units)
    for h in range(horizons):
        for n in range(assets):
            if h == 0:
                mean += [-table[0, n, k + 2 * units] * bit[0, n, k] for k in levels]
                continue
            for old, new in itertools.product(levels, levels):
                if old == new:
                    continue
                both = model.addVar(lb=0.0, ub=1.0)  # costs are positive, so it is no larger than it must be
                model.addCons(both >= bit[h - 1, n, old] + bit[h, n, new] - 1)
                mean.append(-table[h, n, new - old + 2 * units] * both)
    total, root, ratio = (model.addVar(lb=0.0) for _ in range(3))
    model.addCons(total <= quicksum(mean))
    variance = quicksum(
        problem.cov[h, n, m] * weight[h, n] * weight[h, m]
        for h in range(horizons)
        for n in range(assets)
        for m in range(assets)
    )
    model.addCons(variance <= root * root)
    model.addCons(ratio * root <= total)
    model.setObjective(ratio, "maximize")
    began = time.perf_counter()
    model.optimize()
    seconds = time.perf_counter() - began
    found = model.getPrimalbound() if model.getNSols() else float("nan")
    return {"seconds": seconds, "best": float(found), "bound": float(model.getDualbound()), "status": model.getStatus()}


def cpsat(assets, horizons, units, seed, price, patience):
    """State mean - price * variance in whole numbers: exact products, costs by table."""
    from ortools.sat.python import cp_model

    problem = problem_of(assets, horizons, units, seed)
    model, table = cp_model.CpModel(), problem.table()
    held = {(h, n): model.new_int_var(-units, units, "") for h in range(horizons) for n in range(assets)}
    terms = []
    for h in range(horizons):
        sizes = []
        for n in range(assets):
            size = model.new_int_var(0, units, "")
            model.add_abs_equality(size, held[h, n])
            sizes.append(size)
            terms.append(round(SCALE * problem.mu[h, n] / units) * held[h, n])
            costs = [round(SCALE * cost) for cost in table[h, n]]
            cost = model.new_int_var(0, max(costs), "")
            before = held[h - 1, n] if h else 0
            model.add_element(held[h, n] - before + 2 * units, costs, cost)
            terms.append(-cost)
        model.add(sum(sizes) == units)
        for n in range(assets):
            for m in range(n + 1):
                product = model.new_int_var(-units * units, units * units, "")
                model.add_multiplication_equality(product, [held[h, n], held[h, m]])
                twice = 1 if n == m else 2
                terms.append(-round(SCALE * price * twice * problem.cov[h, n, m] / units**2) * product)
    model.maximize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = patience
    solver.parameters.num_workers = 2
    began = time.perf_counter()
    status = solver.solve(model)
    seconds = time.perf_counter() - began
    path = [[solver.value(held[h, n]) for n in range(assets)] for h in range(horizons)]
    return {"seconds": seconds, "status": solver.status_name(status), "best": value_of(problem, path)}


def annealed(assets, horizons, units, seed, sampler, options, reads):
    """Anneal by the library's own exact quadratic form, all rounds."""
    from atomloom.trajectory import solve

    problem = problem_of(assets, horizons, units, seed)
    found = solve(problem, "anneal", sampler=sampler, reads=reads, options=options, seed=seed)
    return {"seconds": found.runtime, "best": found.value, "detail": {k: str(v) for k, v in found.detail.items()}}


def value_of(problem, path):
    from atomloom.trajectory import evaluate

    return evaluate(problem, np.array(path) / problem.units).value


def exact_alone(assets, horizons, units, seed, cost_scale):
    """Solve once in a fresh process: seconds, and the most memory that this process ever had."""
    import resource

    from atomloom.trajectory import random_problem, solve

    solve(random_problem(assets, 2, 2, seed=0))  # compiled code is loaded before
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = solve(random_problem(assets, horizons, units, seed=seed, cost_scale=cost_scale))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": found.runtime, "peak": peak, "before": before, "status": found.status, "gap": found.gap,
        "passes": found.n_passes,
    }  # fmt: skip
