from tests.tasks import base, cache, make_task  # noqa: F401 (fixtures)
