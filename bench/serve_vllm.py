"""The server in front of vLLM beside the server with its own engine: the same base, adapters and clients, asked in turns.

    python bench/serve_vllm.py URL [--adapters 8] [--clients 8] [--seconds 60] [--folder FOLDER]

`URL` is that of a vLLM that serves the built-in base (`sartor models list` says where it lies) as docs/how-to/serve.md has it;
bench/peers/README.md says how one is installed that needs no GPU. The adapters are those of bench/serve_load.py: a reply that is
not its adapter's own is wrong. Results go to bench/results/serve_vllm.json.
"""

import json
import shutil
import tempfile
from pathlib import Path

from record import Row, record
from serve_llama import ask
from serve_load import asked_of_us, options, summary, teach, written


def main() -> None:
    parser = options(__doc__, adapters=8, clients=8, seconds=60.0)
    parser.add_argument("url")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary) / "own"
        teach(written(folder), args.adapters)
        relayed = shutil.copytree(folder, Path(temporary) / "relayed")
        spec = json.loads((folder / "sartor.yaml").read_text(encoding="utf-8"))  # JSON is YAML
        served = spec | {"serve": {"backend": "vllm", "url": args.url}}
        (relayed / "sartor.yaml").write_text(json.dumps(served), encoding="utf-8")
        found, speeds = list[Row](), dict[str, list[float]]()
        for turn in range(2):
            for system, where in (("our own engine", folder), ("vLLM", relayed)):
                command = ("-m", "sartor.cli.main", "serve", where, "--port", "0", "--json")
                heard = ask(command, asked_of_us, args.adapters, args.clients, args.seconds)
                found += summary(f"{system}, turn {turn + 1}", heard)
                speeds.setdefault(system, []).append(heard.tokens / heard.seconds)
    ratio = sum(speeds["our own engine"]) / sum(speeds["vLLM"])
    record(
        "serve_vllm", found, {"tokens/s, our own engine / vLLM": ratio}, adapters=args.adapters, clients=args.clients
    )


if __name__ == "__main__":
    main()
