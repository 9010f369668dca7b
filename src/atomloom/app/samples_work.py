"""The work of `atomloom samples`: bars and settings to a dataset, a recipe on the disk, and an export where wanted."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from atomloom.app import bars_input, samples_rate, samples_recipe
from atomloom.app.samples_settings import RECIPE
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.samples_settings import SamplesSettings
    from atomloom.samples import Dataset

RECIPE_FOLDER, EXPORT_FOLDER = "recipe", "samples"
_STREAMED = 2_000_000


class Plan(NamedTuple):
    """A dataset, and what a user should know of it.

    Attributes
    ----------
    samples : Dataset
    settings : SamplesSettings
        With all that a sample is made by.
    source : str
    notes : list of str
    """

    samples: Dataset
    settings: SamplesSettings
    source: str
    notes: list[str]


def plan(settings: SamplesSettings) -> Plan:
    """Read the bars, and make the dataset.

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

    how = settings.bars
    asked = settings.sample.get("channels")
    read = bars_input.read(settings.data, how, [asked] if isinstance(asked, str) else asked)
    if read.closes and asked is None:
        settings = replace(settings, sample={**settings.sample, "channels": ["close"]})
    settings = replace(settings, sample=settings.spec().to_dict())
    try:
        samples = dataset(
            read.data, settings.n, settings.spec(), part=settings.part or None, nan=how.nan, bad_bars=how.bad_bars
        )
    except BadInput as error:
        said = str(error)
        if len(settings.data) == 1:
            said = re.sub(r"(?<![\w'])data(?= (has|is|repeat|go)\b)", lambda _: settings.data[0], said)
        raise BadInput(bars_input.in_cli_words(said)) from error
    return Plan(samples, settings, read.source, read.notes)


def checked(planned: Plan) -> None:
    """Refuse, before there is a folder, what could not be written.

    Raises
    ------
    BadInput, MissingExtra, OverBudget
    """
    out, how = planned.settings.output, planned.settings.performance
    if out.format == RECIPE:
        return
    from atomloom.samples.planning import plan_of  # noqa: PLC0415  # the writers of all formats
    from atomloom.samples.shards import jobs_of  # noqa: PLC0415  # same

    try:
        made = plan_of(planned.samples, out.format, out.compression, out.shard_rows)
    except BadInput as error:
        raise BadInput(bars_input.in_cli_words(str(error))) from error
    made.jobs_within(min(jobs_of(how.n_jobs, len(planned.samples)), made.layout.shards), how.memory_limit)


def generate(planned: Plan, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    """Leave the recipe in a run folder, the export if one is wanted, and what the report draws; give the summary."""
    from atomloom.app import samples_files  # noqa: PLC0415  # numpy

    samples = planned.samples
    folder.record["recipe"] = samples.digest
    folder.record["notes"] = planned.notes
    for note in planned.notes:
        chatter.say(f"note: {note}")
    chatter.say(repr(samples))
    with folder.stage("recipe"):
        size = samples_recipe.put_recipe(samples, folder.path / RECIPE_FOLDER, planned.source)
    written = export(planned, folder, chatter)
    with folder.stage("rate"):
        threads = samples_rate.threads_of(planned.settings.performance.threads or planned.settings.performance.n_jobs)
        done, seconds = samples_rate.streamed(samples, _STREAMED, threads)
    with folder.stage("tables"):
        samples_files.leave(folder, samples)
    return {
        **describe(samples, planned.source), "notes": planned.notes, "recipe_bytes": size, "written": written,
        "rate": {"threads": threads, "samples": done, "seconds": seconds, "rate": done / seconds},
    }  # fmt: skip


def export(planned: Plan, folder: RunFolder, chatter: Chatter) -> dict[str, Any] | None:
    """Write the samples to files, or go on with that; None where only the recipe is wanted."""
    out, how = planned.settings.output, planned.settings.performance
    if out.format == RECIPE:
        return None
    from atomloom.app.samples_meter import SamplesMeter  # noqa: PLC0415  # only an export draws
    from atomloom.samples.writing import write  # noqa: PLC0415  # the writers of all formats

    target = folder.path / EXPORT_FOLDER
    meter = SamplesMeter(folder, chatter, planned.samples)
    with folder.stage("write"):
        try:
            done = write(
                planned.samples, target, format=out.format, compression=out.compression, shard_rows=out.shard_rows,
                n_jobs=how.n_jobs, memory_limit=how.memory_limit, resume=target.exists(), progress=meter,
            )  # fmt: skip
        finally:
            meter.end()
    told = {**done.to_dict(), "path": EXPORT_FOLDER}
    made = done.rows * (done.shards - done.resumed) / max(1, done.shards)
    return {**told, "rate": made / max(done.seconds, 1e-9), "sample_bytes": done.bytes / max(1, done.rows)}


def describe(samples: Dataset, source: str) -> dict[str, Any]:
    """Say what a dataset is."""
    from atomloom.samples import honesty  # noqa: PLC0415  # numpy

    spec, series = samples.spec, samples.series
    times, worth = series.times, honesty(samples)
    ends: list[str | None] = [None, None]
    if times is not None:
        ends = [str(moment.astype("M8[ns]").astype("M8[s]")) for moment in (times.min(), times.max())]
    return {
        "source": source, "n": len(samples), "part": samples.part, "symbols": list(series.symbols),
        "bars": series.n_rows, "start": ends[0], "end": ends[1], "windows": len(samples.windows),
        "lookback": spec.lookback, "channels": list(spec.channels), "seed": spec.seed, "spec": spec.to_dict(),
        "spec_digest": spec.digest(), "series_digest": series.digest, "digest": samples.digest,
        "fields": {name: [dtype.name, list(shape)] for name, (dtype, shape) in samples.fields.items()},
        "sample_bytes": samples_rate.sample_bytes(samples), "honesty": worth.to_dict(),
        "worth": worth.summary(),
    }  # fmt: skip


def reopened(folder: RunFolder, settings: SamplesSettings, digest: str | None) -> Plan:
    """Give the plan of a run that goes on: from its own copy of the series, or from the bars where it has none yet.

    Raises
    ------
    BadInput
        The bars are not those that the run began with.
    """
    own = folder.path / RECIPE_FOLDER
    if (own / samples_recipe.FILE).is_file():
        samples = samples_recipe.open_recipe(own)
        source = samples_recipe.read_recipe(own)["source"]
        found = Plan(samples, settings, source, folder.record.get("notes", []))
    else:
        found = plan(settings)
    if digest is not None and found.samples.digest != digest:
        raise BadInput("the bars are not those that the run began with. Hint: begin a new run.")
    return found


def place_of(path: Path) -> tuple[Path | None, Path | None]:
    """Find the export and the recipe in a folder: a run, or either of them itself.

    Raises
    ------
    BadInput
        There is neither.
    """
    from atomloom.samples.manifest import MANIFEST  # noqa: PLC0415  # numpy

    export = next((each for each in (path / EXPORT_FOLDER, path) if (each / MANIFEST).is_file()), None)
    recipe = next((each for each in (path / RECIPE_FOLDER, path) if (each / samples_recipe.FILE).is_file()), None)
    if export is None and recipe is None:
        hint = "the folder of a run of `atomloom samples`, or of atomloom.samples.write"
        raise BadInput(f"{path} holds no samples and no recipe. Hint: {hint}.")
    return export, recipe


def opened(path: Path) -> tuple[Dataset, str]:
    """Give the dataset of a folder, computed, and what it is called.

    Raises
    ------
    BadInput
    StoreError
        What is there is not as it was written.
    """
    export, recipe = place_of(path)
    if recipe is not None:
        return samples_recipe.open_recipe(recipe), str(samples_recipe.read_recipe(recipe)["source"])
    from atomloom.samples.reading import open_dataset  # noqa: PLC0415  # the readers of all formats

    stored = open_dataset(export)  # type: ignore[arg-type]  # one of the two is there
    return stored.recipe(), str(path)


def recipe_bytes(samples: Dataset) -> int:
    """Bytes that the recipe of a dataset takes on a disk."""
    with tempfile.TemporaryDirectory() as folder:
        return samples_recipe.put_recipe(samples, Path(folder))


def stored_words(path: Path) -> str:
    """Say what is on the disk in a folder; empty where it is the recipe alone."""
    export, _ = place_of(path)
    if export is None:
        return ""
    from atomloom.samples.reading import open_dataset  # noqa: PLC0415  # the readers of all formats

    return repr(open_dataset(export))
