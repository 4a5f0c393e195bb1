from tests.networks import family, gpt2, llama  # noqa: F401 (fixtures)
