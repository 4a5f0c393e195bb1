from tests.networks import gpt2  # noqa: F401 (fixtures)
from tests.running import finished, letters  # noqa: F401
from tests.tasks import base, cache, make_task  # noqa: F401
