"""nanoGPT's CPU setting, written afresh in torch; see bench/language.py.

4 layers, 4 heads, width 128, context 64, batches of 12, no dropout; learned positions,
LayerNorm and GELU before each part, no biases, tied embeddings; AdamW (.9, .99), weight
decay .1 on matrices, learning rate 1e-3 after 100 steps of warm-up, falling as a cosine
to 1e-4, gradients clipped to norm 1; random windows of the texts laid end to end.

It reads commands from stdin, a line each, and answers each with one line:

    steps N             take N training steps                    -> seconds
    bfloat16 N          the same, autocast to bfloat16           -> seconds
    sample B N          draw N tokens of B texts, uncached       -> seconds
    train S             train for S seconds, pauses not counted  -> steps taken
    score WINDOWS OUT   ln P of the labels of windows (see language.py) -> done

Source: https://github.com/karpathy/nanoGPT, README and train_shakespeare_char.py.
"""

import math
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

LAYERS, HEADS, WIDTH, CONTEXT, BATCH = 4, 4, 128, 64, 12
RATE, LEAST, WARMUP = 1e-3, 1e-4, 100
PAUSE = 1.0  # a step that took longer was stopped meanwhile


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x))."""

    def __init__(self):
        super().__init__()
        self.first = nn.LayerNorm(WIDTH, bias=False)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.second = nn.LayerNorm(WIDTH, bias=False)
        self.wide = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        """[B, T, D] -> the same shape."""
        size, length, _ = x.shape
        parts = self.query_key_value(self.first(x)).split(WIDTH, dim=2)
        q, k, v = (p.view(size, length, HEADS, -1).transpose(1, 2) for p in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(size, length, WIDTH))
        return x + self.narrow(F.gelu(self.wide(self.second(x))))


class NanoGPT(nn.Module):
    """tokens [B, T <= 64] -> logits [B, T, V]."""

    def __init__(self, vocab_size):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                last = name.endswith(("out.weight", "narrow.weight"))
                scale = (2 * LAYERS) ** -0.5 if last else 1.0
                nn.init.normal_(weight, std=0.02 * scale)

    def forward(self, read):
        """Logits of the next token at every place."""
        x = self.tokens(read) + self.places.weight[: read.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.T


class Peer:
    """The network, its optimizer and its data.

    Args:
        tokens: .npy, int [N], the texts of train end to end, each ended by 0.
        vocab_size: V.
    """

    def __init__(self, tokens, vocab_size):
        torch.manual_seed(0)
        self.tokens = torch.from_numpy(np.load(tokens).astype("int64"))
        self.network = NanoGPT(vocab_size)
        matrices = [p for p in self.network.parameters() if p.dim() == 2]
        others = [p for p in self.network.parameters() if p.dim() < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.1}, {"params": others}],
            lr=RATE,
            betas=(0.9, 0.99),
            weight_decay=0.0,
        )

    def step(self, rate):
        """One step of training."""
        start = torch.randint(len(self.tokens) - CONTEXT, (BATCH, 1))
        rows = self.tokens[start + torch.arange(CONTEXT + 1)]
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        logits = self.network(rows[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()

    def steps(self, count):
        """Seconds of some steps."""
        begin = time.perf_counter()
        for _ in range(int(count)):
            self.step(RATE)
        return time.perf_counter() - begin

    def bfloat16(self, count):
        """Seconds of training steps in half precision."""
        with torch.autocast("cpu", torch.bfloat16):
            return self.steps(count)

    def train(self, seconds):
        """Train for a time, the learning rate a function of the share of it."""
        passed, number, last = 0.0, 0, time.perf_counter()
        while passed < float(seconds):
            share = passed / float(seconds)
            rate = LEAST + (RATE - LEAST) * (1 + math.cos(math.pi * share)) / 2
            self.step(rate * min(1.0, (number + 1) / WARMUP))
            now = time.perf_counter()
            passed, number, last = passed + min(now - last, PAUSE), number + 1, now
        return number

    @torch.no_grad()
    def sample(self, size, count):
        """Seconds of drawing tokens as nanoGPT's `generate` does: all is read anew."""
        read = torch.zeros(int(size), 1, dtype=torch.int64)
        begin = time.perf_counter()
        for _ in range(int(count)):
            logits = self.network(read[:, -CONTEXT:])[:, -1]
            drawn = torch.multinomial(F.softmax(logits, dim=-1), 1)
            read = torch.cat([read, drawn], dim=1)
        return time.perf_counter() - begin

    @torch.no_grad()
    def score(self, windows, out):
        """ln P of labels [W, T] given what is read [W, T]; float32 [W, T] to a file."""
        given = np.load(windows)
        parts = []
        for first in range(0, len(given["read"]), 256):
            rows = slice(first, first + 256)
            read = torch.from_numpy(given["read"][rows].astype("int64"))
            labels = torch.from_numpy(given["labels"][rows].astype("int64"))
            log_probs = F.log_softmax(self.network(read), dim=-1)
            parts.append(log_probs.gather(2, labels[..., None])[..., 0].numpy())
        np.save(out, np.concatenate(parts))
        return "done"


def main():
    """Answer the commands."""
    peer = Peer(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        command, *arguments = line.split()
        print(getattr(peer, command)(*arguments), flush=True)


if __name__ == "__main__":
    main()
