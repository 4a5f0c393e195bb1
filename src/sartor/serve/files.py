"""`/v1/files`: what programs upload to be trained from. A key sees its own files only.

A file lies in the store as a folder of its own, and not among the objects: those are read and written whole, and stay for ever.
"""

import json
import shutil
import time
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import Field
from sqlalchemy import RowMapping, delete, func, insert, literal, select
from starlette.datastructures import UploadFile

from sartor.access.audit import enter
from sartor.data.examples import read_chat
from sartor.serve.jobs import user_of
from sartor.serve.lists import Page, listed, new_id, unix
from sartor.serve.refusal import Refusal
from sartor.serve.service import Key, need, service_of
from sartor.store import Store, disk_errors
from sartor.store.records import now
from sartor.store.tables import api_files

PATH = "/v1/files"
VERB = "files"
MOST_LINE = 4 << 20
"""Bytes of a line."""
MOST_BYTES = 16 << 30
"""Of all the files of one key."""
SWEPT_AFTER = 60.0
"""Seconds."""
router = APIRouter(prefix=PATH)


class FilesPage(Page):
    limit: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    order: Literal["asc", "desc"] = "desc"
    purpose: str | None = None


@router.post("")
async def upload(request: Request, key: Key) -> dict[str, Any]:
    need(key, VERB)  # before a byte of it is taken
    with disk_errors():
        async with request.form(max_files=1, max_fields=8) as form:
            for name in form:
                if name not in ("file", "purpose"):
                    raise Refusal(400, f"`{name}` is not known here: leave it out", name, "unknown_parameter")
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Refusal(400, "`file` is missing: send the JSON Lines file as multipart/form-data", "file")
            if form.get("purpose") != "fine-tune":
                raise Refusal(400, "`purpose` is to be `fine-tune`: nothing else is done with files", "purpose")
            store = service_of(request).offer.store
            return document(await run_in_threadpool(_keep, store, key.name, file.filename or "file.jsonl", file.file))


@router.get("")
def list_files(request: Request, key: Key, page: Annotated[FilesPage, Query()]) -> dict[str, Any]:
    need(key, VERB)
    these = (api_files.c.owner == key.name) & literal(page.purpose in (None, "fine-tune"))
    records = service_of(request).offer.store.records
    return listed(records, api_files, these, page, document, oldest_first=page.order == "asc")


@router.get("/{id}")
def show(id: str, request: Request, key: Key) -> dict[str, Any]:
    need(key, VERB)
    return document(_mine(service_of(request).offer.store, id, key.name))


@router.get("/{id}/content")
def content(id: str, request: Request, key: Key) -> FileResponse:
    need(key, VERB)
    store = service_of(request).offer.store
    return FileResponse(path_of(store, _mine(store, id, key.name)["id"]), media_type="application/jsonl")


@router.delete("/{id}")
def remove(id: str, request: Request, key: Key) -> dict[str, Any]:
    """The file is gone, and what was trained from it stays. Refused while a job still needs it."""
    need(key, VERB)
    store = service_of(request).offer.store
    _mine(store, id, key.name)
    with store.records.write() as connection:
        if job := service_of(request).jobs.needing(connection, id):
            raise Refusal(400, f"the job {job} is yet to read this file: cancel it, or wait for its end", "file_id")
        connection.execute(delete(api_files).where(api_files.c.id == id))
        enter(connection, user_of(key.name), "delete", f"file {id}")
    shutil.rmtree(path_of(store, id).parent, ignore_errors=True)
    return {"id": id, "object": "file", "deleted": True}


def sweep(store: Store) -> None:
    """Remove what a kill left behind: files whose upload or deletion did not come to its end."""
    with store.records.read() as connection:
        known = set(connection.execute(select(api_files.c.id)).scalars())
    for folder in store.folders.path("files", "any").parent.glob("*"):
        # What is new may be on its way into the records of another server.
        if folder.name not in known and time.time() - folder.stat().st_mtime > SWEPT_AFTER:
            shutil.rmtree(folder, ignore_errors=True)


def path_of(store: Store, id: str) -> Path:
    return store.folders.path("files", id) / "file.jsonl"


def document(row: RowMapping) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "file",
        "bytes": row["bytes"],
        "created_at": unix(row["created_at"]),
        "filename": row["name"],
        "purpose": "fine-tune",
        "status": "processed",
    }


def count_rows(file: BinaryIO) -> int:
    """How many lines of chat there are. Raises Refusal that names the first line that is none."""
    rows = number = 0
    while line := file.readline(MOST_LINE + 1):
        number += 1
        if not line.strip():
            continue
        try:
            if len(line) > MOST_LINE:
                raise ValueError(f"it is longer than {MOST_LINE:,} bytes; shorten it")
            _check(line)
        except (ValueError, RecursionError) as error:
            said = f"it is not JSON ({error})" if isinstance(error, json.JSONDecodeError | RecursionError) else error
            raise Refusal(400, f"line {number} cannot be trained on: {said}", "file", "invalid_file") from None
        rows += 1
    if not rows:
        raise Refusal(400, 'the file is empty: give it a line {"messages": […]} an example', "file", "invalid_file")
    return rows


def _check(line: bytes) -> None:
    row = json.loads(line.decode())
    if not isinstance(row, dict) or not isinstance(row.get("messages"), list) or not row["messages"]:
        raise ValueError('it is no {"messages": […]}; write each example as a chat')
    if not read_chat(row)[1].strip():
        raise ValueError("the assistant's answer is empty; fill it in, or remove the line")
    keys = [key for key in row if key != "messages"]
    keys += [key for turn in row["messages"] for key in turn if key not in ("role", "content")]
    if keys:
        raise ValueError(f"`{keys[0]}` is not known here; leave it out")


def _keep(store: Store, owner: str, name: str, file: BinaryIO) -> RowMapping:
    file.seek(0)
    rows = count_rows(file)
    size, id = file.tell(), new_id("file")

    def build(folder: Path) -> None:
        file.seek(0)
        with (folder / path_of(store, id).name).open("wb") as target:
            shutil.copyfileobj(file, target)

    folder = store.folders.publish("files", id, build)
    try:
        with store.records.write() as connection:
            mine = select(func.sum(api_files.c.bytes)).where(api_files.c.owner == owner)
            if (connection.execute(mine).scalar() or 0) + size > MOST_BYTES:
                raise Refusal(413, f"your files would take more than {MOST_BYTES >> 30} GiB: delete some first", "file")
            values = {"id": id, "owner": owner, "name": name, "bytes": size, "rows": rows, "created_at": now()}
            connection.execute(insert(api_files).values(values))
            enter(connection, user_of(owner), "upload", f"file {id}", {"bytes": size, "rows": rows})
    except Exception:  # such as a full disk, which it is not to fill on
        shutil.rmtree(folder)
        raise
    return _mine(store, id, owner)


def _mine(store: Store, id: str, owner: str) -> RowMapping:
    with store.records.read() as connection:
        query = select(api_files).where(api_files.c.id == id, api_files.c.owner == owner)
        found = connection.execute(query).mappings().first()
    if found is None:
        raise Refusal(404, f"there is no file {id!r} of yours: `GET /v1/files` lists them", "file_id")
    return found
