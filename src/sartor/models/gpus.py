"""GPUs by name: dense bfloat16 speed and memory from their makers' data sheets."""

from dataclasses import dataclass

from sartor.errors import InputError


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    tflops: float
    """Dense, with float32 accumulation: bfloat16, or float32 where the card has no bfloat16."""
    memory_gb: int


GPUS = (
    Gpu("T4 16GB", 8.1, 16),
    Gpu("V100 16GB", 15.7, 16),
    Gpu("V100 32GB", 15.7, 32),
    Gpu("RTX 3090 24GB", 71, 24),
    Gpu("RTX 4090 24GB", 165, 24),
    Gpu("RTX 5090 32GB", 210, 32),
    Gpu("RTX A6000 48GB", 155, 48),
    Gpu("A10 24GB", 125, 24),
    Gpu("A10G 24GB", 70, 24),
    Gpu("A30 24GB", 165, 24),
    Gpu("A40 48GB", 150, 48),
    Gpu("A100 40GB", 312, 40),
    Gpu("A100 80GB", 312, 80),
    Gpu("L4 24GB", 121, 24),
    Gpu("L40 48GB", 181, 48),
    Gpu("L40S 48GB", 362, 48),
    Gpu("H100 PCIe 80GB", 756, 80),
    Gpu("H100 SXM 80GB", 989, 80),
    Gpu("H200 141GB", 989, 141),
    Gpu("B200 180GB", 2250, 180),
    Gpu("MI250X 128GB", 383, 128),
    Gpu("MI300X 192GB", 1307, 192),
)


def find_gpu(name: str) -> Gpu:
    """The one GPU whose name has all the words of `name`: `A10`, `a100 80gb`, `H100 SXM`.

    Raises InputError listing the known ones, or those that fit when there are several.
    """
    words = set(name.lower().replace("nvidia", "").split())
    fitting = [gpu for gpu in GPUS if words and words <= set(gpu.name.lower().split())]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(f"GPU {name!r} could be: {', '.join(gpu.name for gpu in fitting)}")
    raise InputError(f"unknown GPU {name!r}; known: {', '.join(gpu.name for gpu in GPUS)}")
