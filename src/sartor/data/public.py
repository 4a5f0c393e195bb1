"""Public sets of data, fetched from their homes when somebody asks for one, and never otherwise."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from sartor.complaints import did_you_mean
from sartor.errors import InputError, SystemFailure
from sartor.progress import Progress, silent
from sartor.store.disk import disk_errors, write_file

HOME = "https://raw.githubusercontent.com"
MOST_BYTES = 100_000_000
"""No file of these sets is a tenth of it."""
TIMEOUT = 60.0
REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class PublicFile:
    name: str
    """As it is called once pulled."""
    path: str
    """Where it lies in its repository."""
    sha256: str


@dataclass(frozen=True, slots=True)
class PublicSet:
    name: str
    about: str
    licence: str
    repository: str
    """OWNER/NAME on GitHub."""
    commit: str
    files: Sequence[PublicFile]

    def url(self, file: PublicFile) -> str:
        return f"{HOME}/{self.repository}/{self.commit}/{file.path}"


def pull(name: str, folder: Path, progress: Progress = silent) -> list[Path]:
    """Fetch a set into a folder, its files as their home has them; what is there already is not fetched again.

    Raises InputError for an unknown name, and for another file in the place of one of the set's; SystemFailure when a
    download fails, leads to another host, or is not the file that was pinned by its sha256.
    """
    if name not in SETS:
        raise InputError(f"there is no public set `{name}`{did_you_mean(name, SETS)}; there are {', '.join(SETS)}")
    chosen = SETS[name]
    wanted = [(file, folder / file.name) for file in chosen.files]
    for file, path in wanted:
        if path.exists() and not (path.is_file() and _sha256(path.read_bytes()) == file.sha256):
            raise InputError(f"{path} exists and is not that of {name}: move it away, or name another folder")
    with httpx.Client(follow_redirects=False, timeout=TIMEOUT) as client, disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
        for number, (file, path) in enumerate(wanted):
            progress(f"pull {name}", number, len(wanted), file.name)
            if not path.exists():
                write_file(path, _fetch(client, chosen.url(file), file.sha256))
    progress(f"pull {name}", len(wanted), len(wanted))
    return [path for _, path in wanted]


def _fetch(client: httpx.Client, url: str, sha256: str) -> bytes:
    try:
        data = _download(client, httpx.URL(url))
    except httpx.HTTPError as error:
        raise SystemFailure(f"{url} cannot be fetched: {str(error) or type(error).__name__}; try again later") from None
    if (found := _sha256(data)) != sha256:
        raise SystemFailure(f"{url} is not the pinned file (sha256 {found}, not {sha256}): it was refused")
    return data


def _download(client: httpx.Client, url: httpx.URL) -> bytes:
    """The bytes behind an address, through redirects within its host only."""
    for _ in range(REDIRECTS):
        with client.stream("GET", url) as response:
            if response.has_redirect_location:
                target = url.join(response.headers["location"])
                if (target.scheme, target.netloc) != (url.scheme, url.netloc):
                    raise SystemFailure(f"{url} leads to another host, {target.host}: it was not followed")
                url = target
                continue
            if response.status_code != httpx.codes.OK:
                raise SystemFailure(f"{url} answers {response.status_code}; try again later")
            data = bytearray()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MOST_BYTES:
                    raise SystemFailure(f"{url} sends more than {MOST_BYTES:,} bytes: it was refused")
            return bytes(data)
    raise SystemFailure(f"{url} redirects more than {REDIRECTS} times: it was not followed")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_POLYAI = "PolyAI-LDN/task-specific-datasets"
_POLYAI_COMMIT = "57ec275d8078af65b7731c2a98be812d844a6d6b"

SETS = {
    each.name: each
    for each in (
        PublicSet(
            name="banking77",
            about="customer messages, 77 intents: `text`, `category`",
            licence="CC BY 4.0",
            repository=_POLYAI,
            commit=_POLYAI_COMMIT,
            files=(
                PublicFile(
                    "train.csv",
                    "banking_data/train.csv",
                    "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
                ),
                PublicFile(
                    "test.csv",
                    "banking_data/test.csv",
                    "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d",
                ),
            ),
        ),
        PublicSet(
            name="cuad",
            about="510 contracts, a row each: the clauses of 41 categories and their answers",
            licence="CC BY 4.0 (The Atticus Project)",
            repository="sbelde3/CS529-CUAD-Visualization",
            commit="bfeae0b2b67da5bcc337072325e5c0ec5a0ed131",
            files=(
                PublicFile(
                    "master_clauses.csv",
                    "data/master_clauses.csv",
                    "00f85df35da326a713aa95b68c42a0e1731f4bb03e0bf368c7d0f158297033cd",
                ),
            ),
        ),
        PublicSet(
            name="mts_dialog",
            about="conversations of doctor and patient, sections of notes: `dialogue`, `section_header`, `section_text`",
            licence="CC BY 4.0",
            repository="abachaa/MTS-Dialog",
            commit="3ff0801933608d6f570468c13125125fb5cabdea",
            files=(
                PublicFile(
                    "train.csv",
                    "Main-Dataset/MTS-Dialog-TrainingSet.csv",
                    "65a28681dd59fc159681ea026e44610f2af7bc64a0e7f892d763eb03d9f503dc",
                ),
                PublicFile(
                    "valid.csv",
                    "Main-Dataset/MTS-Dialog-ValidationSet.csv",
                    "227206520c4534381c0d7fba6d3f09319a9af5a6d9603a93c0341af1198e3958",
                ),
                PublicFile(
                    "test1.csv",
                    "Main-Dataset/MTS-Dialog-TestSet-1-MEDIQA-Chat-2023.csv",
                    "b4d38dd2c99b2e9860099abcf653f1e0f3e9b69f9fcc45be2a2699b37a4d2f37",
                ),
            ),
        ),
        PublicSet(
            name="mbpp",
            about="974 Python problems with unit tests: `text`, `code`, `test_list`",
            licence="CC BY 4.0 (Google Research)",
            repository="OckBench/OckBench",
            commit="b72752a0ba5989d3c212675ec60d3eedcd838628",
            files=(
                PublicFile(
                    "mbpp.jsonl", "data/mbpp.jsonl", "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f"
                ),
            ),
        ),
        PublicSet(
            name="nlupp",
            about="requests to a bank in 20 folds: `text`, `intents`, `slots`",
            licence="CC BY 4.0",
            repository=_POLYAI,
            commit=_POLYAI_COMMIT,
            files=tuple(
                PublicFile(f"fold{number}.json", f"nlupp/data/banking/fold{number}.json", sha256)
                for number, sha256 in enumerate(
                    (
                        "bc9544ba197f5f073d07beab056466997ad986077d1ee46b434a251568034d0c",
                        "ebe7cb30185e0884c9f6a20c8650636bb7ed0419d1a1a5608d63eb323f5df2ec",
                        "9ce7cc6605cfa7dcb07be2b5f6ecb6cc075db5f344c998963a7a0be34727db99",
                        "caff1b2b46503f85ae0ea2add66498857b341c87e87fa3dfbd3e8f12ee092fcd",
                        "2c5121f7bcdca72c5a790b6a5ab1de6e0d89f5e9c6038bfa36507942f91aae5e",
                        "fbc4252be25dfe5fd81b246eb51bcd9fccf509e43d29968832b99dcd0595449e",
                        "fc2cbe872188462202f0fa4abdc4ee3bb38df130530500cb29f0c58c7f130cf1",
                        "3029b8f9364ce6fc5ea202dc3b5d00b89a678cc90e49be0b865ace4cd944cea9",
                        "7c76964657343991ed2d2c874db11b679b35cbe9fbf1ab05259667c02fd87335",
                        "2d26f835b622d2c8bf83f4f29ebfc2cf5b1615f9cf7082e341f2cd77fd5d6a89",
                        "a61de5477bd09ac0baa4152705be278f819de5ae60226c65c19d341b01330f6f",
                        "cc01ca2a90f3da8c0e9d3762e59d1a84329bd357e5e9f17f490108ce5450b3a6",
                        "d47c38523d56a9ffff0ffc1e4daa14339a6e42dfbf7b29ede030f1cc659dd612",
                        "cb4c26ebecc7e68b8be0fafb4a691c9199fe6bb1368f0b549d29c6a1d6438fd1",
                        "2b5350380c0d13e9cdef211a02b7406d97be2a766081bdab9beba12035948b48",
                        "48ab8cf2a87cadfa3be845de6071f91cf22089b6618c471eceb749e6c719739e",
                        "29e3bce3fa74908b85ee8c595b17419ae8161414cd4eb682fc41a79abe93c2bc",
                        "4bf5dfe9d5114ef0300f970ed4c473eb7a9090900223a01af018e6a3e2a17bee",
                        "f4f514ae92501dbe009ef639f229558d966eb63066f6273327558b51b9fcf69a",
                        "c24f0fb42c4714d27f8639351c22df75e714e1e3e2451032d73452e4faa3942c",
                    )
                )
            ),
        ),
    )
}
