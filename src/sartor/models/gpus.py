"""GPUs by name: dense bfloat16 speed, memory and power from their makers' data sheets."""

from dataclasses import dataclass

from sartor.errors import InputError


@dataclass(frozen=True, slots=True)
class Gpu:
    name: str
    tflops: float
    """Dense, with float32 accumulation: bfloat16, or float32 where the card has no bfloat16."""
    memory_gb: int
    watts: int
    """What the board may draw; of several versions, the one for servers."""


GPUS = (
    Gpu("T4 16GB", 8.1, 16, 70),
    Gpu("V100 16GB", 15.7, 16, 300),
    Gpu("V100 32GB", 15.7, 32, 300),
    Gpu("RTX 3090 24GB", 71, 24, 350),
    Gpu("RTX 4090 24GB", 165, 24, 450),
    Gpu("RTX 5090 32GB", 210, 32, 575),
    Gpu("RTX A6000 48GB", 155, 48, 300),
    Gpu("A10 24GB", 125, 24, 150),
    Gpu("A10G 24GB", 70, 24, 300),
    Gpu("A30 24GB", 165, 24, 165),
    Gpu("A40 48GB", 150, 48, 300),
    Gpu("A100 40GB", 312, 40, 400),
    Gpu("A100 80GB", 312, 80, 400),
    Gpu("L4 24GB", 121, 24, 72),
    Gpu("L40 48GB", 181, 48, 300),
    Gpu("L40S 48GB", 362, 48, 350),
    Gpu("H100 PCIe 80GB", 756, 80, 350),
    Gpu("H100 SXM 80GB", 989, 80, 700),
    Gpu("H200 141GB", 989, 141, 700),
    Gpu("B200 180GB", 2250, 180, 1000),
    Gpu("MI250X 128GB", 383, 128, 560),
    Gpu("MI300X 192GB", 1307, 192, 750),
)
UNKNOWN_WATTS = 300


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


def watts_of(device: str) -> float:
    """What a device, as its driver names it, may draw; of an unknown one, `UNKNOWN_WATTS`."""
    words = set(device.lower().replace("-", " ").split())
    fitting = [gpu for gpu in GPUS if set(gpu.name.lower().split()[:-1]) - {"sxm", "rtx"} <= words]
    return max((gpu.watts for gpu in fitting), default=UNKNOWN_WATTS)
