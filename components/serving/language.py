"""The SavedModel of a language model: prompts in; texts, tokens and nats out."""

import tensorflow as tf

from phistar.components.decoding.sample import continue_texts, greedy, sample
from phistar.components.serving.knobs import noise
from phistar.components.serving.tokens import MAX_LENGTH, TokenServer, largest

LONGEST = 4096  # the largest `max_length` of a request
DEFAULT_LENGTH = 256  # of `serving_default`


class LanguageServer(TokenServer):
    """The signatures.

    Args:
        task: Language.
        encoder: Text.
        network: TransformerLM.
        scale: not used; ln P is that of the logits.
        decoding: not used; texts are continued greedily.
    """

    def __init__(self, task, encoder, network, scale=1.0, decoding=None):
        default = {"max_length": DEFAULT_LENGTH}
        super().__init__(task, encoder, network, "prompt", LONGEST, default)

    def prompt_tokens(self, prompt):
        """string [B] -> (int32 [B, P], int32 [B]), EOS left out."""
        tokens, lengths = self.text.encode_graph(prompt)
        return tokens, lengths - 1

    def continuation(self, prompt, max_length, choose):
        """Answer of `predict` and `sample`: texts after prompts.  -> dict."""
        tokens, lengths = self.prompt_tokens(prompt)
        room = largest(max_length)
        return self.made(
            continue_texts(self.network, tokens, lengths, max_length, room, choose)
        )

    def score(self, prompt, tokens, lengths):
        """ln P of tokens after prompts, window by window; see TokenServer."""
        before, num_before = self.prompt_tokens(prompt)
        windows, total = self.network.windows, num_before + lengths
        size = largest(total, 0) + 1  # one more, for the token after the last
        width = tf.minimum(size, windows.context)
        # prompt and tokens in one row; `width` more, so that each window is whole
        labels = joined(before, num_before, tokens, lengths, size + width)
        read = tf.pad(labels, [[0, 0], [1, 0]])  # EOS before the first token
        # only the windows that score a token of this request
        last = largest(windows.start(total), 0)
        first = tf.reduce_min(tf.concat([windows.start(num_before), [last]], axis=0))
        numbers = tf.range(first // windows.stride, last // windows.stride + 1)
        rows = tf.shape(labels)[0]

        def window(number, blocks, following):
            start = number * windows.stride
            logits = self.network(read[:, start : start + width], training=False)
            log_probs = self.task.log_probs(logits)  # [B, width, V]
            of_labels = tf.gather(  # [B, width]
                log_probs, labels[:, start : start + width], batch_dims=2
            )
            # the window before this one has scored the first `kept` tokens
            new = tf.where(number > 0, windows.kept, 0)
            # the token after the last is label `total`: one window of a row scores it
            here = tf.equal(windows.start(total), start)
            place = tf.where(here, total - start, 0)
            at_place = tf.gather(log_probs, place, batch_dims=1)
            following = tf.where(here[:, None], at_place, following)
            # blocks differ in length, and are joined along their first axis
            block = tf.transpose(of_labels[:, new:])
            blocks = blocks.write(number - numbers[0], block)
            return number + 1, blocks, following

        blocks = tf.TensorArray(
            tf.float32,
            size=tf.size(numbers),
            infer_shape=False,
            element_shape=[None, None],
        )
        following = tf.zeros([rows, self.task.num_outputs])
        _, blocks, following = tf.while_loop(
            lambda number, *_: number <= numbers[-1],
            window,
            (numbers[0], blocks, following),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape(None),
                tf.TensorShape([None, self.task.num_outputs]),
            ),
        )
        scored = tf.transpose(blocks.concat())  # [B, tokens of all windows]
        # the place in a row of labels where `scored` begins
        offset = tf.where(numbers[0] > 0, numbers[0] * windows.stride + windows.kept, 0)
        column = tf.range(tf.shape(tokens)[1])[None, :]
        inside = column < lengths[:, None]
        place = tf.where(inside, num_before[:, None] + column - offset, 0)
        result = tf.where(inside, tf.gather(scored, place, batch_dims=1), 0.0)
        return result, following

    def signatures(self):
        """The four signatures and `serving_default`.  -> dict of functions."""

        def predict(*, prompt, max_length):
            return self.continuation(prompt, max_length, lambda p, _: greedy(p))

        def draw(*, prompt, max_length, seed, temperature, top_k, top_p):
            uniform = noise(seed, LONGEST)

            def choose(log_probs, number):
                number = tf.minimum(number, LONGEST - 1)
                drawn = tf.gather(uniform, number, batch_dims=1)
                return sample(log_probs, drawn, temperature, top_k, top_p)

            return self.continuation(prompt, max_length, choose)

        return self.concrete(predict, MAX_LENGTH, draw)

    @property
    def units(self):
        """Input or output name -> its meaning, with unit or range."""
        text = self.text.describe()["text"]
        return {
            **super().units,
            "prompt": f"what the text begins with, '' for nothing; {text}",
            "text": f"what comes after the prompt, to its end; {text}",
        }

    def facts(self):
        """Further keys of the contract.  -> plain data."""
        windows = self.network.windows
        return {
            "tokenizer": self.text.tokenizer,
            "context": windows.context,
            "stride": windows.stride,
            "protocol": windows.describe(),
            "serving_default": {"decoding": "greedy", **self.default},
        }


def joined(before, num_before, after, num_after, size):
    """Rows put behind rows.

    Args:
        before, after: int32 [B, P], [B, T].
        num_before, num_after: int32 [B], how many of each row count.
        size: columns of the result.

    Returns:
        int32 [B, size], 0 after the end.
    """
    column = tf.range(size)[None, :]
    both = tf.concat([before, after, tf.zeros_like(num_before)[:, None]], axis=1)
    place = tf.where(
        column < num_before[:, None],
        column,
        column - num_before[:, None] + tf.shape(before)[1],
    )
    nothing = tf.shape(both)[1] - 1
    inside = column < (num_before + num_after)[:, None]
    return tf.gather(both, tf.where(inside, place, nothing), batch_dims=1)
