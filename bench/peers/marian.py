"""Hugging Face's Marian, trained by its own Trainer; see bench/translation.py.

The sizes are given; sinusoidal positions, layers normalised behind each part, one
embedding for both sides and the output, as the library has it. Adam (.9, .98), learning
rate 7e-4 after 400 steps of warm-up, falling as a cosine to 0, label smoothing .1,
gradients clipped to norm 1, batches of 96 pairs grouped by length.

It reads commands from stdin, a line each, and answers each with one line:

    train S              train for S seconds, pauses not counted  -> steps taken
    translate K OUT      search with K beams for a translation of each source of test;
                         int32 [N, M] to a file, 0 after the end  -> done
"""

import math
import sys
import tempfile
import time

import numpy as np
import torch
import transformers
from transformers import MarianConfig, MarianMTModel

RATE, WARMUP, BATCH = 7e-4, 400, 96
PAUSE = 5.0  # a step that took longer was stopped meanwhile
END = 0  # of a text, in the files


def marian(vocab_size, sizes):
    """A network with random weights; label `vocab_size` is padding and beginning.

    Args:
        vocab_size: V, END included.
        sizes: (layers, heads, width, width of the MLP, dropout).
    """
    transformers.logging.set_verbosity_error()
    layers, heads, width, wide, dropout = sizes
    config = MarianConfig(
        vocab_size=vocab_size + 1,
        decoder_vocab_size=vocab_size + 1,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=wide,
        decoder_ffn_dim=wide,
        dropout=dropout,
        max_position_embeddings=1024,
        scale_embedding=True,  # as its published networks: else positions drown tokens
        pad_token_id=vocab_size,
        eos_token_id=END,
        bos_token_id=vocab_size,
        decoder_start_token_id=vocab_size,
        forced_eos_token_id=None,
    )
    return MarianMTModel(config)


class Clock(transformers.TrainerCallback):
    """The share of the time that has passed; training ends at one.

    Args:
        seconds: in all.
    """

    def __init__(self, seconds):
        self.seconds, self.passed, self.steps = seconds, 0.0, 0
        self.last = time.perf_counter()

    def on_step_end(self, arguments, state, control, **_):
        """Count the step."""
        now = time.perf_counter()
        self.passed, self.last = self.passed + min(now - self.last, PAUSE), now
        self.steps += 1
        control.should_training_stop = self.passed >= self.seconds

    def rate(self, _):
        """The learning rate, in RATE."""
        share = min(self.passed / self.seconds, 1.0)
        cosine = (1 + math.cos(math.pi * share)) / 2
        return cosine * min(1.0, (self.steps + 1) / WARMUP)


class Peer:
    """The network and its data.

    Args:
        tokens: .npz of train_inputs, train_labels, test_inputs: the rows laid end to
            end, each ended by END.
        vocab_size: V.
        sizes: see `marian`.
    """

    def __init__(self, tokens, vocab_size, sizes):
        torch.manual_seed(0)
        torch.set_num_threads(2)
        self.padding, self.tokens = vocab_size, np.load(tokens)
        self.network = marian(vocab_size, sizes)

    def rows(self, name):
        """list of int64 arrays."""
        flat = self.tokens[name].astype("int64")
        return np.split(flat, np.flatnonzero(flat == END)[:-1] + 1)

    def padded(self, rows, value):
        """Rows side by side.  -> int64 [B, N]."""
        width = max(len(row) for row in rows)
        return torch.tensor(
            np.stack(
                [np.pad(r, (0, width - len(r)), constant_values=value) for r in rows]
            )
        )

    def batch(self, pairs):
        """What the network is called with."""
        given = self.padded([pair["input_ids"] for pair in pairs], self.padding)
        labels = self.padded([pair["labels"] for pair in pairs], -100)
        mask = (given != self.padding).long()
        return {
            "input_ids": given,
            "attention_mask": mask,
            "labels": labels,
            # the Trainer takes the labels away to smooth them
            "decoder_input_ids": (
                self.network.prepare_decoder_input_ids_from_labels(labels)
            ),
        }

    def train(self, seconds):
        """Train for a time."""
        sides = self.rows("train_inputs"), self.rows("train_labels")
        pairs = [{"input_ids": x, "labels": y} for x, y in zip(*sides, strict=True)]
        optimizer = torch.optim.Adam(
            self.network.parameters(), lr=RATE, betas=(0.9, 0.98)
        )
        clock = Clock(float(seconds))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, clock.rate)
        with tempfile.TemporaryDirectory() as folder:
            arguments = transformers.Seq2SeqTrainingArguments(
                folder,
                per_device_train_batch_size=BATCH,
                train_sampling_strategy="group_by_length",
                num_train_epochs=1000,
                max_grad_norm=1.0,
                label_smoothing_factor=0.1,
                use_cpu=True,
                disable_tqdm=True,
                logging_steps=200,  # its loss, on stderr: a peer must learn
                save_strategy="no",
                report_to="none",
            )
            trainer = transformers.Seq2SeqTrainer(
                self.network,
                arguments,
                data_collator=self.batch,
                train_dataset=pairs,
                optimizers=(optimizer, schedule),
                callbacks=[clock],
            )
            clock.last = time.perf_counter()
            sys.stdout, kept = sys.stderr, sys.stdout  # answers only
            trainer.train()
            sys.stdout = kept
        return clock.steps

    @torch.no_grad()
    def translate(self, beams, out):
        """Translate test, sources of similar lengths together."""
        self.network.eval()
        sources = self.rows("test_inputs")
        order = np.argsort([len(row) for row in sources], kind="stable")
        found = [None] * len(sources)
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            given = self.padded([sources[row] for row in rows], self.padding)
            made = self.network.generate(
                given,
                attention_mask=(given != self.padding).long(),
                num_beams=int(beams),
                max_new_tokens=96,
                do_sample=False,
            )[:, 1:]  # after the beginning
            for row, tokens in zip(rows, made.numpy(), strict=True):
                found[row] = np.where(tokens == self.padding, END, tokens)
        np.save(out, self.padded(found, END).numpy().astype("int32"))
        return "done"


def main():
    """Answer the commands."""
    tokens, vocab_size, layers, heads, width, wide, dropout = sys.argv[1:]
    sizes = (int(layers), int(heads), int(width), int(wide), float(dropout))
    peer = Peer(tokens, int(vocab_size), sizes)
    for line in sys.stdin:
        command, *arguments = line.split()
        print(getattr(peer, command)(*arguments), flush=True)


if __name__ == "__main__":
    main()
