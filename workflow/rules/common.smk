# Settings, sheets and chunks, read once per start; and the helpers that rules use. No rule of its own.
import shlex
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "workflow"))

from consilium.core import chunks, settings, sheets
from consilium.core.environment import ENVIRONMENT
from consilium.core.errors import InputError
from consilium.core.provenance import code_digest, value_digest

# IFS: a space in the scripts' folder parts no words.
EXPORTED = {"PYTHONPATH": ROOT / "workflow", "SCRIPTS": ROOT / "scripts"} | ENVIRONMENT
shell.prefix(
    "set -euo pipefail; IFS=; export "
    + " ".join(f"{name}={shlex.quote(str(value))}" for name, value in EXPORTED.items())
    + "; "
)

try:
    named = ", ".join(map(str, workflow.configfiles)) or "config"
    config = settings.validated(config, named)
    SHEETS = sheets.load(
        Path(config["patients"]),
        Path(config["samples"]),
        settings.outcome_columns(config),
        outcomes_needed=config["mode"] == "train",
        beside=settings.file_problems(config, named)
        + settings.bundle_problems(config, named),
    )
    if too_few := settings.recalibration_problems(config, SHEETS.patients, named):
        raise InputError(too_few)
except InputError as error:
    # The message alone: a WorkflowError adds lines of this file to it.
    sys.exit(str(error))

# The reference that comes with consilium is found wherever snakemake is called; a user's own starts there.
for key in ("ancestry_reference", "ancestry_components"):
    named = config["genomics"][key]
    if named and not Path(named).exists():
        config["genomics"][key] = str(ROOT / named)

RESULTS = f"{config['results']}/{config['cohort']}"
COHORT = f"{RESULTS}/cohort"
PATIENTS = f"{RESULTS}/patients"
LOGS = f"{RESULTS}/logs"
ENVS = ROOT / "envs"
CHUNKS_KEPT = Path(RESULTS) / "chunks.tsv"
CHUNKS = chunks.assign(SHEETS.ids, config["chunk_size"], CHUNKS_KEPT)
ROOMS = [room for room in sheets.KINDS if SHEETS.of(room)]
FEATURES = {room: f"{COHORT}/features/{room}.zarr.zip" for room in ROOMS}


wildcard_constraints:
    chunk=r"\d+",
    room="|".join(sheets.KINDS),


onstart:
    chunks.keep(CHUNKS, CHUNKS_KEPT)


def digest(room):
    """Hash of the code behind a room's stages: a rule reruns when it changes."""
    return code_digest(room)


def kinds(room, *wanted):
    """Samples of a room, of the given kinds (all without any)."""
    return [s for s in SHEETS.of(room) if not wanted or s.kind in wanted]


def chunks_with(room, *wanted):
    """Names of the chunks in which at least one patient has an own file of the room (and kinds)."""
    have = {s.patient for s in kinds(room, *wanted)}
    return [name for name, members in CHUNKS.items() if have.intersection(members)]


def option(flag, values):
    """A command line option with its values; nothing at all without values."""
    return " ".join([flag, *(shlex.quote(str(v)) for v in values)]) if values else ""


def chunk_patients(wildcards):
    """Patients of a chunk as one command line argument."""
    return ",".join(CHUNKS[wildcards.chunk])


def chunk_files(room, *wanted):
    """Input function: raw files of the chunk's patients."""

    def files(wildcards):
        members = set(CHUNKS[wildcards.chunk])
        return [s.path for s in kinds(room, *wanted) if s.patient in members]

    return files


def chunk_rows(room, *wanted):
    """Params function: hash of the chunk's sheet rows, so that only edited rows rerun their chunk."""

    def rows(wildcards):
        members = set(CHUNKS[wildcards.chunk])
        return value_digest(
            [
                [s.patient, s.kind, s.path, s.taken_on, s.series]
                for s in kinds(room, *wanted)
                if s.patient in members
            ]
        )

    return rows


def sheet_rows(*rooms):
    """Hash of the patient sheet and of the sample rows of `rooms`: for jobs over the whole cohort."""
    rows = [
        [s.patient, s.kind, s.path, s.taken_on, s.series]
        for room in rooms
        for s in SHEETS.of(room)
    ]
    return value_digest([[str(p) for p in SHEETS.patients], rows])


def manifests(stage, room, *wanted):
    """Manifests of a chunk stage: what a cohort job collects."""
    return [
        f"{RESULTS}/chunks/{stage}/{chunk}.json" for chunk in chunks_with(room, *wanted)
    ]


def gate():
    """With on_bad_input: stop, the first jobs wait for the check of all files; ancient: it never reruns them."""
    return (
        [ancient(f"{COHORT}/input_checked.txt")]
        if config["on_bad_input"] == "stop"
        else []
    )
