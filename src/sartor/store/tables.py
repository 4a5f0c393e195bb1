"""The tables of the records. Times are ISO 8601 in UTC; money is in the currency that stands beside it."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# Migrations need constraints to have names.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task", String, nullable=False, index=True),
    Column("stage", String, nullable=False),
    Column("fingerprint", String, nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("message", Text),
    Column("attempts", Integer, nullable=False, default=1),
    Column("inputs", JSON, nullable=False),
    Column("outputs", JSON),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("cpu_seconds", Float, nullable=False, default=0.0),
    Column("peak_memory_bytes", BigInteger, nullable=False, default=0),
    Column("money", Float, nullable=False, default=0.0),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
    Column("versions", JSON, nullable=False),
    CheckConstraint("status IN ('running', 'done', 'failed')", name="status"),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("task", String, primary_key=True),
    Column("hash", String, primary_key=True),
    Column("parent", String),
    Column("step", String, nullable=False),
    Column("manifest", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    ForeignKeyConstraint(["task", "parent"], ["dataset_versions.task", "dataset_versions.hash"]),
)

history = Table(
    "history",
    metadata,
    # The versions that a task's examples went through; the last line is where they stand.
    Column("task", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("hash", String, nullable=False),
    Column("step", String, nullable=False),
    Column("before", Integer),  # the line that an undo goes back to
    Column("ledger", String),  # the address of its decisions
    Column("created_at", String, nullable=False),
    ForeignKeyConstraint(["task", "hash"], ["dataset_versions.task", "dataset_versions.hash"]),
)

history_configs = Table(
    "history_configs",
    metadata,
    # What each line's step was configured with: two lines may stand at the same rows and have come to them otherwise.
    Column("task", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("config", JSON, nullable=False),
    ForeignKeyConstraint(["task", "seq"], ["history.task", "history.seq"]),
)

adapters = Table(
    "adapters",
    metadata,
    Column("task", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("hash", String, nullable=False),
    Column("folder", String, nullable=False),
    Column("manifest", JSON, nullable=False),
    Column("scorecard", JSON, nullable=False),
    Column("cost", Float, nullable=False),
    Column("created_at", String, nullable=False),
    UniqueConstraint("task", "hash"),
)

stages = Table(
    "stages",
    metadata,
    # Where a task's adapters came to stand, a line a move; an adapter without one is a candidate.
    Column("task", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("stage", String, nullable=False),
    Column("back", Boolean, nullable=False),  # it was in production before
    Column("actor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", String, nullable=False),
    ForeignKeyConstraint(["task", "version"], ["adapters.task", "adapters.version"]),
    CheckConstraint("stage IN ('production', 'retired', 'quarantined')", name="stage"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", String, primary_key=True),
    Column("hash", String, nullable=False, unique=True),
    Column("models", JSON, nullable=False),
    Column("verbs", JSON, nullable=False),
    Column("per_minute", Integer),
    Column("created_at", String, nullable=False),
    Column("revoked_at", String),
)

api_files = Table(
    "api_files",
    metadata,
    # What programs uploaded; `seq` is the order in which they came.
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("owner", String, nullable=False, index=True),  # the name of an API key
    Column("name", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("created_at", String, nullable=False),
)

api_jobs = Table(
    "api_jobs",
    metadata,
    # Fine-tuning that programs asked for.
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("owner", String, nullable=False, index=True),
    Column("task", String, nullable=False, unique=True),
    Column("base", String, nullable=False),
    Column("request", JSON, nullable=False),
    Column("digest", String, nullable=False),  # of the request
    Column("idempotency_key", String),
    Column("status", String, nullable=False),
    Column("error", JSON),
    Column("model", String),  # what came of it
    Column("tokens", BigInteger),
    Column("created_at", String, nullable=False),
    Column("finished_at", String),
    CheckConstraint("status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="status"),
)

api_events = Table(
    "api_events",
    metadata,
    # What there is to tell of a job, a line each.
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("job", String, ForeignKey("api_jobs.id"), nullable=False, index=True),
    Column("level", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    CheckConstraint("level IN ('info', 'warn', 'error')", name="level"),
)

remarks = Table(
    "remarks",
    metadata,
    # What was said of a task's adapters, a line each; a tag that is taken off is one more line.
    Column("task", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("actor", String, nullable=False),
    Column("at", String, nullable=False),
    ForeignKeyConstraint(["task", "version"], ["adapters.task", "adapters.version"]),
    CheckConstraint("kind IN ('note', 'tag', 'untag')", name="kind"),
)

routers = Table(
    "routers",
    metadata,
    # The last line is the one that is used.
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("hash", String, nullable=False),
    Column("scorecard", JSON, nullable=False),
    Column("created_at", String, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    # What a task's traffic is compared with: of each task the last line is the one that is used.
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("task", String, nullable=False, index=True),
    Column("hash", String, nullable=False),
    Column("created_at", String, nullable=False),
)

traffic = Table(
    "traffic",
    metadata,
    # How often something was so, a day, a line each; nothing of what was said.
    Column("profile", String, primary_key=True),
    Column("day", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("bucket", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    # What was thought of a reply, a line each.
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("task", String, nullable=False, index=True),
    Column("model", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("asked", JSON, nullable=False),  # {"messages": […]} or {"fields": {…}}
    Column("answer", Text, nullable=False),
    Column("rating", String),
    Column("correction", Text),
    Column("comment", Text),
    Column("created_at", String, nullable=False),
    CheckConstraint("rating IN ('up', 'down')", name="rating"),
)

answers = Table(
    "answers",
    metadata,
    # What the answer depends on: the hash of a system with its decoding, and the hash of a question.
    Column("system", String, primary_key=True),
    Column("question", String, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("created_at", String, nullable=False),
)

test_openings = Table(
    "test_openings",
    metadata,
    Column("task", String, primary_key=True),
    Column("test_version", String, primary_key=True),
    Column("count", Integer, nullable=False),
)

books = Table(
    "books",
    metadata,
    Column("run", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("item", String, primary_key=True),
    Column("quantity", Float, nullable=False),
    Column("unit", String, nullable=False),
    Column("rate", Float, nullable=False),
    Column("source", String, nullable=False),
    Column("amount", Float, nullable=False),
    Column("currency", String, nullable=False),
    CheckConstraint("source IN ('measured', 'configured', 'modelled')", name="source"),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("resource", String, nullable=False),
    Column("detail", JSON, nullable=False),
    # Unique, so that no database lets two entries follow the same one.
    Column("previous", String, nullable=False, unique=True),
    Column("hash", String, nullable=False),
)
