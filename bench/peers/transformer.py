"""torch's own Transformer, and Hugging Face's Marian; see bench/translation.py.

nn.Transformer, pre-norm, positions learned, source and target and output sharing one
embedding, dropout .1, label smoothing .1, Adam (.9, .98), gradients clipped to norm 1.
Marian at the same sizes, with random weights, never saying its end.

It reads commands from stdin, a line each, and answers each with one line:

    steps N          train on the next N batches -> seconds
    compiled N       the same, under torch.compile (dynamic shapes)
    bfloat16 N       the same, not compiled, autocast to bfloat16
    search B K N     Marian's `generate`: B sources of 32, K beams, N tokens -> seconds
"""

import sys
import time

import numpy as np
import torch
from marian import marian
from torch import nn
from torch.nn import functional as F


class Translator(nn.Module):
    """source [B, S], read [B, T] -> logits [B, T, V].

    Args:
        vocab_size: V.
        sizes: (layers, heads, width, width of the MLP, dropout).
    """

    def __init__(self, vocab_size, sizes):
        super().__init__()
        layers, heads, width, wide, dropout = sizes
        self.tokens = nn.Embedding(vocab_size, width)
        self.places = nn.Embedding(1024, width)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.transformer = nn.Transformer(
            width,
            heads,
            layers,
            layers,
            wide,
            dropout,
            batch_first=True,
            norm_first=True,
        )

    def embed(self, tokens):
        """Tokens and their places.  [B, T] -> [B, T, D]."""
        places = self.places.weight[: tokens.shape[1]]
        return self.dropout(self.tokens(tokens) + places)

    def forward(self, source, read, padding):
        """Logits of the next token at every place."""
        size = read.shape[1]
        later = torch.ones(size, size, dtype=torch.bool).triu(1)
        x = self.transformer(
            self.embed(source),
            self.embed(read),
            tgt_mask=later,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
            tgt_is_causal=True,
        )
        return x @ self.tokens.weight.T


class Peer:
    """The network, its optimizer and its batches.

    Args:
        batches: .npz of source_i, read_i, labels_i, weights_i.
        vocab_size: V.
        sizes: see `Translator`.
    """

    def __init__(self, batches, vocab_size, sizes):
        torch.manual_seed(0)
        torch.set_num_threads(2)
        self.vocab_size, self.sizes = vocab_size, sizes
        given = np.load(batches)
        self.batches = [
            [torch.from_numpy(given[f"{name}_{i}"]) for name in NAMES]
            for i in range(len(given) // len(NAMES))
        ]
        self.next = 0
        self.network = Translator(vocab_size, sizes)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=1e-3, betas=(0.9, 0.98)
        )
        self.fast = torch.compile(self.network, dynamic=True)
        self.marian = None

    def step(self, network):
        """One step of training."""
        source, read, labels, weights = self.batches[self.next % len(self.batches)]
        self.next += 1
        ended = (source == 0).cumsum(1) - (source == 0).int() > 0
        logits = network(source.long(), read.long(), ended)
        losses = F.cross_entropy(
            logits.flatten(0, 1),
            labels.long().flatten(),
            reduction="none",
            label_smoothing=0.1,
        )
        loss = (losses * weights.flatten()).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()

    def steps(self, count):
        """Seconds of training steps."""
        begin = time.perf_counter()
        for _ in range(int(count)):
            self.step(self.network)
        return time.perf_counter() - begin

    def compiled(self, count):
        """The same with the compiled network."""
        begin = time.perf_counter()
        for _ in range(int(count)):
            self.step(self.fast)
        return time.perf_counter() - begin

    def bfloat16(self, count):
        """The same autocast to bfloat16."""
        with torch.autocast("cpu", torch.bfloat16):
            return self.steps(count)

    @torch.no_grad()
    def search(self, size, beams, count):
        """Seconds of Marian's beam search."""
        if self.marian is None:
            self.marian = marian(self.vocab_size, self.sizes).eval()
        size, count = int(size), int(count)
        source = torch.randint(1, self.vocab_size, (size, 32))
        begin = time.perf_counter()
        self.marian.generate(
            source,
            attention_mask=torch.ones_like(source),
            num_beams=int(beams),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
        )
        return time.perf_counter() - begin


NAMES = ("source", "read", "labels", "weights")


def main():
    """Answer the commands."""
    batches, vocab_size, layers, heads, width, wide, dropout = sys.argv[1:]
    sizes = (int(layers), int(heads), int(width), int(wide), float(dropout))
    peer = Peer(batches, int(vocab_size), sizes)
    for line in sys.stdin:
        command, *arguments = line.split()
        print(getattr(peer, command)(*arguments), flush=True)


if __name__ == "__main__":
    main()
