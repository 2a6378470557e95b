"""The SavedModel of a language model: prompts in; texts, tokens and nats out."""

import tensorflow as tf

from components.decoding import continue_texts, greedy, sample
from components.serving.knobs import (
    KNOB_UNITS,
    KNOBS,
    concrete,
    knob,
    knobs_in_range,
    noise,
    require,
)

MAX_LENGTH = 4096  # tokens that a request may ask for
DEFAULT_LENGTH = 256  # of `serving_default`
NEVER = -1e30  # ln P of what cannot follow


class Server(tf.Module):
    """The signatures.

    Args:
        task: Language.
        encoder: Text.
        network: TransformerLM.
    """

    def __init__(self, task, encoder, network):
        super().__init__()
        self.task, self.encoder, self.network = task, encoder, network

    def prompt_tokens(self, prompt):
        """string [B] -> (int32 [B, P], int32 [B]), EOS left out."""
        tokens, lengths = self.encoder.encode_graph(prompt)
        return tokens, lengths - 1

    def continuation(self, prompt, max_length, choose):
        """Texts after prompts, as `predict` and `sample` answer them."""
        allowed = (max_length >= 1) & (max_length <= MAX_LENGTH)
        message = f"max_length must be in [1, {MAX_LENGTH}]"
        with tf.control_dependencies([require(allowed, message, max_length)]):
            tokens, lengths = self.prompt_tokens(prompt)
        room = tf.reduce_max(tf.concat([max_length, [1]], axis=0))
        made = continue_texts(self.network, tokens, lengths, max_length, room, choose)
        return {
            "text": self.encoder.decode_graph(made.tokens, made.lengths),
            "tokens": made.tokens,
            "lengths": made.lengths,
            "log_prob": tf.reduce_sum(tf.cast(made.log_probs, tf.float64), axis=1),
            "truncated": ~made.ended,
        }

    def score(self, prompt, tokens, lengths):
        """ln P of tokens after prompts, window by window.

        Args:
            prompt: string [B].
            tokens: int32 [B, T], what is scored.
            lengths: int32 [B], how many of each row.

        Returns:
            (float32 [B, T], nats, 0 after the end; float32 [B, V], ln P of what would
            come next).
        """
        before, num_before = self.prompt_tokens(prompt)
        windows, total = self.network.windows, num_before + lengths
        size = tf.reduce_max(tf.concat([total, [0]], axis=0)) + 1  # and what is next
        width = tf.minimum(size, windows.context)
        labels = joined(before, num_before, tokens, lengths, size + width)
        read = tf.pad(labels, [[0, 0], [1, 0]])
        last = tf.reduce_max(tf.concat([windows.start(total), [0]], axis=0))
        first = tf.reduce_min(tf.concat([windows.start(num_before), [last]], axis=0))
        numbers = tf.range(first // windows.stride, last // windows.stride + 1)
        rows = tf.shape(labels)[0]

        def window(number, blocks, following):
            start = number * windows.stride
            logits = self.network(read[:, start : start + width], training=False)
            log_probs = self.task.log_probs(logits)  # [B, width, V]
            of_labels = tf.gather(
                log_probs, labels[:, start : start + width], batch_dims=2
            )
            new = tf.where(number > 0, windows.kept, 0)
            # what comes next is label `total`; this window may be the one to score it
            here = tf.equal(windows.start(total), start)
            place = tf.where(here, total - start, 0)
            at_place = tf.gather(log_probs, place, batch_dims=1)
            following = tf.where(here[:, None], at_place, following)
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
        scored = tf.transpose(blocks.concat())  # from the first window's on
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

        def serving_default(*, prompt):
            max_length = tf.fill(tf.shape(prompt), DEFAULT_LENGTH)
            return predict(prompt=prompt, max_length=max_length)

        def log_prob(*, prompt, text):
            tokens, lengths = self.encoder.encode_graph(text)
            by_token, _ = self.score(prompt, tokens, lengths)
            return answer(by_token) | {"tokens": tokens, "lengths": lengths}

        def log_prob_tokens(*, prompt, tokens, lengths):
            with tf.control_dependencies(legal(tokens, lengths, self.task.num_outputs)):
                by_token, following = self.score(prompt, tokens, lengths)
            after_end = tf.one_hot([0], self.task.num_outputs, 0.0, NEVER)
            ended = has_ended(tokens, lengths)[:, None]
            following = tf.where(ended, after_end, following)
            return answer(by_token) | {"next_log_probs": following}

        def answer(by_token):
            total = tf.reduce_sum(tf.cast(by_token, tf.float64), axis=1)
            return {"log_prob": total, "token_log_probs": by_token}

        def draw(*, prompt, max_length, seed, temperature, top_k, top_p):
            with tf.control_dependencies(knobs_in_range(temperature, top_k, top_p)):
                uniform = noise(seed, MAX_LENGTH)

            def choose(log_probs, number):
                number = tf.minimum(number, MAX_LENGTH - 1)
                drawn = tf.gather(uniform, number, batch_dims=1)
                return sample(log_probs, drawn, temperature, top_k, top_p)

            return self.continuation(prompt, max_length, choose)

        prompt = {"prompt": knob("prompt", tf.string)}
        length = {"max_length": knob("max_length", tf.int32)}
        text = {"text": knob("text", tf.string)}
        tokens = {
            "tokens": tf.TensorSpec([None, None], tf.int32, "tokens"),
            "lengths": knob("lengths", tf.int32),
        }
        return concrete(
            {
                "serving_default": (serving_default, prompt),
                "predict": (predict, prompt | length),
                "log_prob": (log_prob, prompt | text),
                "log_prob_tokens": (log_prob_tokens, prompt | tokens),
                "sample": (draw, prompt | length | KNOBS),
            }
        )

    @property
    def units(self):
        """Input or output name -> what it holds, with its unit or range."""
        last = self.task.num_outputs - 1
        text = self.encoder.describe()["text"]
        return {
            "prompt": f"what the text begins with, '' for nothing; {text}",
            "text": f"what comes after the prompt, to its end; {text}",
            "tokens": f"integers in [0, {last}]; a whole text's last one is EOS, 0",
            "lengths": "tokens of each row; those after them are 0",
            "max_length": f"in [1, {MAX_LENGTH}]; tokens at most, EOS counted",
            "truncated": "whether max_length came before EOS",
            "log_prob": "ln P(tokens | prompt), nats",
            "token_log_probs": "ln P of each token given those before it, nats",
            "next_log_probs": "ln P of every token to come next, nats",
            **KNOB_UNITS,
        }

    def facts(self):
        """What else the contract says.  -> plain data."""
        windows = self.network.windows
        return {
            "tokenizer": self.encoder.tokenizer,
            "context": windows.context,
            "stride": windows.stride,
            "protocol": windows.describe(),
            "serving_default": {"decoding": "greedy", "max_length": DEFAULT_LENGTH},
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


def has_ended(tokens, lengths):
    """Whether the last token of each row is EOS.  -> bool [B]."""
    column = tf.range(tf.shape(tokens)[1])[None, :]
    return tf.reduce_any((tokens == 0) & (column < lengths[:, None]), axis=1)


def legal(tokens, lengths, num):
    """Assertions that tokens are labels, EOS the last one if there.

    Args:
        tokens: int32 [B, T].
        lengths: int32 [B].
        num: V.

    Returns:
        list.
    """
    size = tf.shape(tokens)[1]
    column = tf.range(size)[None, :]
    known = (tokens >= 0) & (tokens < num) | (column >= lengths[:, None])
    early = (tokens == 0) & (column < lengths[:, None] - 1)
    return [
        require(known, f"tokens must be in [0, {num - 1}]", tokens),
        require(~early, "tokens must not hold EOS (0) before the end", tokens),
        require(
            (lengths >= 0) & (lengths <= size),
            "lengths must be in [0, the tokens' second dimension]",
            lengths,
        ),
    ]
