"""``atomloom doctor``: what this machine offers a run, what is missing and how to get it."""

from __future__ import annotations

from typing import Any

import click

from atomloom.app.options import emit_json, mark, say_result
from atomloom.engine.budget import show_size


@click.command(short_help="Look at this machine and installation.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as one JSON object.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Look at cores, memory, libraries, extras, GPU, HDF5 filters and temp space.

    Exit code 0 when atomloom can run here, 3 when a core library is missing or too old.
    """
    from atomloom.app import facts as gather  # noqa: PLC0415  # --help of other commands need not load it

    facts = gather.examine()
    if as_json:
        emit_json(facts)
    else:
        say_result(_page(facts))
    if any(not row["ok"] for row in facts["libraries"]):
        ctx.exit(3)


def _page(facts: dict[str, Any]) -> str:
    rows = [("atomloom", facts["atomloom"]), *_machine_rows(facts), *_library_rows(facts), *_place_rows(facts)]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    if facts["problems"]:
        lines += ["", *(f"{mark('problem', 'red')}: {text}" for text in facts["problems"])]
    else:
        lines += ["", f"{mark('ready', 'green')}: nothing stands in the way of a run. Try: atomloom demo"]
    return "\n".join(lines)


def _machine_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    cores, memory, python = facts["cores"], facts["memory"], facts["python"]
    quota = "no quota" if cores["quota"] is None else f"cgroup quota {cores['quota']:g}"
    used = f"{cores['cores']} used by default"
    found = f"{cores['logical']} logical, {cores['affinity']} in affinity, {cores['physical']} physical, {quota}"
    limit = "no cgroup limit" if memory["limit"] is None else f"cgroup limit {show_size(memory['limit'])}"
    size = f"{show_size(memory['total'])} total, {show_size(memory['available'])} available, {limit}"
    gpus = [", ".join(row.values()) for row in facts["gpus"]] or ["none found"]
    return [
        ("python", f"{python['version']} ({python['implementation']}, {python['executable']})"),
        ("platform", facts["platform"]),
        ("cores", f"{used} ({found})"),
        ("memory", size),
        *(("gpu", text) for text in gpus),
    ]


def _library_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for library in facts["libraries"]:
        text = library["version"] or mark("missing", "red")
        rows.append((library["name"], text if library["ok"] else f"{text} (needs >= {library['needs']})"))
    for extra in facts["extras"]:
        if extra["present"]:
            text = mark("present", "green")
        else:
            text = f"misses {', '.join(extra['missing'])}: {mark(extra['install'], 'cyan')}"
        rows.append((f"[{extra['name']}]", text))
    return rows


def _place_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    filters = facts["hdf5_filters"]
    names = ", ".join([*filters["h5py"], *filters["hdf5plugin"]]) or mark("none", "red")
    rows = [("hdf5 filters", names)]
    for name in ("temp", "shm"):
        place = facts[name]
        text = "absent" if place is None else f"{show_size(place['free'])} free in {place['path']}"
        rows.append((name, text))
    return [
        *rows,
        ("start methods", ", ".join(facts["start_methods"])),
        ("shm huge pages", facts["shmem_huge_pages"] or "not offered by this kernel"),
    ]
