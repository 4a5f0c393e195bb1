"""Conversations as points, by what a base model makes of them: the last layer, later tokens the heavier (RDS+, 2503.01807)."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from sartor.progress import Progress, silent

BATCH_TOKENS = 8192


@torch.inference_mode()
def pooled(model: PreTrainedModel, rows: Sequence[Sequence[int]], progress: Progress = silent) -> NDArray[np.float32]:
    """float32 [n, hidden size], rows of length 1: the mean of the last hidden states, token i of a row with weight i.

    Tokens see only earlier ones, so that the padding on the right changes nothing. Rows have a token or more.
    """
    out = np.zeros((len(rows), model.config.get_text_config().hidden_size), dtype=np.float32)
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    done = 0
    while done < len(order):
        batch = [order[done]]
        while done + len(batch) < len(order):
            longest = len(rows[order[done + len(batch)]])
            if longest * (len(batch) + 1) > BATCH_TOKENS:
                break
            batch.append(order[done + len(batch)])
        ids = pad_sequence([torch.tensor(rows[at]) for at in batch], batch_first=True).to(model.device)
        lengths = torch.tensor([len(rows[at]) for at in batch], device=model.device)
        places = torch.arange(1, ids.shape[1] + 1, device=model.device)
        weights = torch.where(places <= lengths[:, None], places, 0).float()
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state.float()
        mean = (hidden * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True)
        out[batch] = F.normalize(mean, dim=-1).cpu().numpy()
        done += len(batch)
        progress("read by the base", done, len(rows))
    return out
