"""The work of `atomloom samples`: bars and settings to a dataset, a recipe on the disk, and an export where wanted."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from atomloom.app import bars_input, bars_named, samples_rate
from atomloom.app.runs import RunFolder
from atomloom.app.samples_settings import RECIPE, SamplesSettings
from atomloom.errors import AtomloomError, BadInput, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atomloom.app.options import Chatter
    from atomloom.samples import Dataset

ALL = "all"
RECIPE_FOLDER, EXPORT_FOLDER = "recipe", "samples"
RECIPE_FILES = ("recipe.json", "series.parquet")
_STREAMED = 2_000_000
_LEAST = 500_000


class Plan(NamedTuple):
    """Datasets, and what a user should know of them.

    Attributes
    ----------
    parts : dict of str to Dataset
        By the part that each is of; "" without a split.
    settings : SamplesSettings
        With all that a sample is made by.
    source : str
    notes : list of str
    recipe : Path or None
        Where the datasets come from a recipe: its folder.
    """

    parts: dict[str, Dataset]
    settings: SamplesSettings
    source: str
    notes: list[str]
    recipe: Path | None = None

    @property
    def samples(self) -> Dataset:
        """The first part: what the report draws samples of."""
        return next(iter(self.parts.values()))


def plan(settings: SamplesSettings, *, first: bool = False) -> Plan:
    """Read the bars, and make the datasets: of one part, or of all where none is named.

    Parameters
    ----------
    settings : SamplesSettings
    first : bool
        Of several parts make the first alone, with all samples.

    Raises
    ------
    BadInput
        For bars or settings that cannot be meant, in the words of the command line.

    Examples
    --------
    >>> from atomloom.app.samples_settings import SamplesSettings
    >>> plan(SamplesSettings(n=10**12)).samples
    Dataset(1,000,000,000,000 samples of 5 channels x 64 bars, 24,936 windows, seed 0)
    """
    from atomloom.samples import dataset  # noqa: PLC0415  # --help owes nobody numba
    from atomloom.samples.parts import all_parts  # noqa: PLC0415  # same

    how = settings.bars
    asked = settings.sample.get("channels")
    read = bars_input.read(settings.data, how, [asked] if isinstance(asked, str) else asked)
    if read.closes and asked is None:
        settings = replace(settings, sample={**settings.sample, "channels": ["close"]})
    settings = replace(settings, sample=settings.spec().to_dict())
    split = settings.spec().split
    if split is None and settings.part == ALL:
        hint = "set [split.parts] with train = 0.7 and test = 0.3 in --config, or leave --part out"
        raise BadInput(f"--part is all, and there is no split. Hint: {hint}.")
    several = split is not None and (not settings.part or (settings.part == ALL and ALL not in split.parts))
    part = next(iter(split.parts)) if several and split is not None else settings.part or None
    try:
        samples = dataset(read.data, settings.n, settings.spec(), part=part, nan=how.nan, bad_bars=how.bad_bars)
        parts = all_parts(samples, settings.n) if several and not first else {part or "": samples}
    except BadInput as error:
        said = str(error)
        if len(settings.data) == 1:
            said = re.sub(r"(?<![\w'])data(?= (has|is|repeat|go)\b)", lambda _: settings.data[0], said)
        raise BadInput(bars_input.in_cli_words(said)) from error
    notes = [*read.notes, *([f"samples are of part {part!r}: --part names another"] if several and first else [])]
    return Plan(parts, settings, read.source, notes)


def checked(planned: Plan, place: Path) -> None:
    """Refuse, before there is a folder, what could not be written.

    Parameters
    ----------
    planned : Plan
    place : Path
        Where the folder will be; its disk must have room for the files of all parts.

    Raises
    ------
    BadInput, MissingExtra, OverBudget, StoreError
    """
    out, how = planned.settings.output, planned.settings.performance
    if out.format == RECIPE:
        return
    from atomloom.samples.output_folder import check_space  # noqa: PLC0415  # the writers of all formats
    from atomloom.samples.planning import plan_of  # noqa: PLC0415  # same
    from atomloom.samples.shards import jobs_of  # noqa: PLC0415  # same

    needed = 0
    for samples in planned.parts.values():
        try:
            made = plan_of(samples, out.format, out.compression, out.shard_rows)
        except BadInput as error:
            raise BadInput(bars_input.in_cli_words(str(error))) from error
        made.jobs_within(min(jobs_of(how.n_jobs, len(samples)), made.layout.shards), how.memory_limit)
        needed += len(samples) * made.layout.row_bytes
    if out.compression is None:
        check_space(place, needed)


def generate(planned: Plan, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    """Leave the recipe in a run folder, the export if one is wanted, and what the report draws; give the summary."""
    from atomloom.app import samples_files  # noqa: PLC0415  # numpy

    folder.record["recipe"] = {part: samples.digest for part, samples in planned.parts.items()}
    folder.record["notes"] = planned.notes
    for note in planned.notes:
        chatter.say(f"note: {note}")
    for part, samples in planned.parts.items():
        chatter.say((f"{part}: " if len(planned.parts) > 1 else "") + repr(samples))
    with folder.stage("recipe"):
        own = folder.path / RECIPE_FOLDER  # a run that goes on keeps it: files that it names may lie elsewhere by now
        size = recipe_bytes(planned, folder.path) if planned.recipe == own else write_recipe(planned, own)
    written = export(planned, folder, chatter)
    with folder.stage("rate"):
        threads = samples_rate.threads_of(planned.settings.performance.threads or planned.settings.performance.n_jobs)
        shown = replace(planned.samples, n=max(len(planned.samples), _LEAST))  # of few, the start would be measured
        done, seconds = samples_rate.streamed(shown, _STREAMED, threads)
    with folder.stage("tables"):
        samples_files.leave(folder, planned.parts)
    return {
        **describe(planned.parts, planned.source), "notes": planned.notes, "recipe_bytes": size, "written": written,
        "rate": {"threads": threads, "samples": done, "seconds": seconds, "rate": done / seconds},
    }  # fmt: skip


def write_recipe(planned: Plan, folder: Path) -> int:
    """Write the recipe of a plan, with a copy of the bars, or with their name; give its bytes."""
    from atomloom.samples.recipe import write_recipe as put  # noqa: PLC0415  # numpy

    named = None if planned.settings.output.copy_bars else bars_named.name(planned.settings, folder)
    return put(planned.parts, folder, planned.source, named=named)


def export(planned: Plan, folder: RunFolder, chatter: Chatter) -> dict[str, Any] | None:
    """Write the samples to files, or go on with that; None where only the recipe is wanted."""
    out, how = planned.settings.output, planned.settings.performance
    if out.format == RECIPE:
        return None
    from atomloom.app.samples_meter import SamplesMeter  # noqa: PLC0415  # only an export draws
    from atomloom.samples.writing import write  # noqa: PLC0415  # the writers of all formats

    several = len(planned.parts) > 1
    rows: dict[str, dict[str, Any]] = {}
    for part, samples in planned.parts.items():
        target = folder.path / EXPORT_FOLDER
        if several:
            target /= _folder_of(part)
        meter = SamplesMeter(folder, chatter, samples, part if several else "")
        with folder.stage(f"write {part}" if several else "write"):
            try:
                done = write(
                    samples, target, format=out.format, compression=out.compression, shard_rows=out.shard_rows,
                    n_jobs=how.n_jobs, memory_limit=how.memory_limit, resume=target.exists(), progress=meter,
                )  # fmt: skip
            except StoreError as error:
                raise StoreError(bars_input.in_cli_words(str(error))) from error
            finally:
                meter.end()
        made = done.rows * (done.shards - done.resumed) / max(1, done.shards)
        rows[part] = {**done.to_dict(), "path": str(target.relative_to(folder.path)), "made": made}
    first = next(iter(rows.values()))
    summed = {name: sum(row[name] for row in rows.values()) for name in
              ("rows", "shards", "resumed", "bytes", "seconds", "made")}  # fmt: skip
    told = {**first, **summed, "jobs": max(row["jobs"] for row in rows.values()), "path": EXPORT_FOLDER}
    rate = told.pop("made") / max(told["seconds"], 1e-9)
    return {**told, "rate": rate, "sample_bytes": told["bytes"] / max(1, told["rows"]),
            "folders": {part: row["path"] for part, row in rows.items()}}  # fmt: skip


def _folder_of(part: str) -> str:
    """Name the folder of a part: its own name, where that can be one."""
    name = quote(part, safe=" ")
    return name if name.strip(". ") else f"part-{name.encode().hex()}"


def describe(parts: Mapping[str, Dataset], source: str) -> dict[str, Any]:
    """Say what datasets of one series and one spec are; numbers are of all parts together."""
    from atomloom.samples import Honesty, honesty  # noqa: PLC0415  # numpy

    samples = next(iter(parts.values()))
    spec, series = samples.spec, samples.series
    times, each = series.times, {part: honesty(own) for part, own in parts.items()}
    worth = next(iter(each.values()))
    if len(each) > 1:  # parts share no bar, so that everything adds up
        names = ("samples", "windows", "unique_windows", "bars", "effective")
        n, windows, unique, bars, effective = (sum(getattr(own, name) for own in each.values()) for name in names)
        worth = Honesty(n, windows, unique, n / unique, bars, effective / n, effective)
    ends: list[str | None] = [None, None]
    if times is not None:
        ends = [str(moment.astype("M8[ns]").astype("M8[s]")) for moment in (times.min(), times.max())]
    return {
        "source": source, "n": worth.samples, "part": samples.part if len(parts) == 1 else None,
        "parts": [
            {"part": part, "n": len(own), "windows": len(own.windows), "digest": own.digest,
             "worth": each[part].summary(), "honesty": each[part].to_dict()}
            for part, own in parts.items()
        ] if len(parts) > 1 else [],
        "symbols": list(series.symbols), "bars": series.n_rows, "start": ends[0], "end": ends[1],
        "windows": worth.windows, "lookback": spec.lookback, "channels": list(spec.channels), "seed": spec.seed,
        "spec": spec.to_dict(), "spec_digest": spec.digest(), "series_digest": series.digest,
        "digest": samples.digest if len(parts) == 1 else None,
        "fields": {name: [dtype.name, list(shape)] for name, (dtype, shape) in samples.fields.items()},
        "sample_bytes": samples_rate.sample_bytes(samples), "honesty": worth.to_dict(), "worth": worth.summary(),
    }  # fmt: skip


def reopened(folder: RunFolder, settings: SamplesSettings, digests: Any) -> Plan:
    """Give the plan of a run that goes on: from its own copy of the series, or from the bars where it has none yet.

    Raises
    ------
    BadInput
        The bars are not those that the run began with.
    """
    from atomloom.samples.recipe import FILE  # noqa: PLC0415  # numpy

    own = folder.path / RECIPE_FOLDER
    if (own / FILE).is_file():
        parts, source = _computed(own)
        found = Plan(parts, settings, source, folder.record.get("notes", []), own)
    else:
        found = plan(settings)
    if digests is not None and {part: samples.digest for part, samples in found.parts.items()} != digests:
        raise BadInput("the bars are not those that the run began with. Hint: begin a new run.")
    return found


def _computed(recipe: Path) -> tuple[dict[str, Dataset], str]:
    """Open a recipe; the bars that it only names are read again."""
    from atomloom.samples.recipe import open_parts, read_recipe  # noqa: PLC0415  # numpy

    told = read_recipe(recipe)
    data = None if told["named"] is None else bars_named.read_again(told["named"], recipe, told["spec"]["channels"])
    return open_parts(recipe, data), str(told["source"])


def place_of(path: Path) -> tuple[dict[str, Path], Path | None]:
    """Find the exports, by part, and the recipe in a folder: a run, or either of them itself.

    Raises
    ------
    BadInput
        There is neither.
    """
    from atomloom.samples.opening import places_in  # noqa: PLC0415  # numpy

    recipe, exports = places_in(path)
    if not exports and recipe is None:
        hint = "the folder of a run of `atomloom samples`, or of atomloom.samples.write"
        raise BadInput(f"{path} holds no samples and no recipe. Hint: {hint}.")
    return exports, recipe


def gone(path: Path, parts: Mapping[str, Dataset], exports: Mapping[str, Path]) -> list[str]:
    """Name the parts that a folder should have files of, and has none: a run that was cut off leaves such."""
    if not exports:
        try:
            asked = RunFolder.open(path).record["config"]["output"]["format"]
        except (AtomloomError, OSError, KeyError, TypeError):
            asked = RECIPE  # no run
        if asked == RECIPE:
            return []
    missing = [part for part in parts if part not in exports]
    return [f"no files of part {part!r}" if part else "no files of samples" for part in missing]


def opened(path: Path) -> tuple[dict[str, Dataset], str]:
    """Give the datasets of a folder, computed, by part, and what their bars are called.

    Raises
    ------
    BadInput
    StoreError
        What is there is not as it was written.
    """
    exports, recipe = place_of(path)
    if recipe is not None:
        return _computed(recipe)
    from atomloom.samples.reading import open_stored  # noqa: PLC0415  # the readers of all formats

    return {part: open_stored(folder).recipe() for part, folder in exports.items()}, str(path)


def opened_plan(path: Path) -> Plan:
    """Give the plan of a folder, as of :func:`opened`."""
    parts, source = opened(path)
    return Plan(parts, SamplesSettings(), source, [])


def recipe_bytes(planned: Plan, path: Path | None = None) -> int:
    """Bytes that the recipe of a plan takes on a disk; that in a folder where there is one."""
    recipe = None if path is None else place_of(path)[1]
    if recipe is not None:
        return sum(place.stat().st_size for place in recipe.iterdir() if place.name in RECIPE_FILES)
    with tempfile.TemporaryDirectory() as folder:
        return write_recipe(planned, Path(folder))


def stored_words(path: Path) -> list[str]:
    """Say what is on the disk in a folder; nothing where it is the recipe alone."""
    from atomloom.samples.reading import open_stored  # noqa: PLC0415  # the readers of all formats

    return [repr(open_stored(folder)) for folder in place_of(path)[0].values()]
