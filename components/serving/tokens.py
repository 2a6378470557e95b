"""The shared part of the language and translation servers: nats of tokens, checks."""

import tensorflow as tf

from phistar.components.serving.knobs import (
    DEFAULTS,
    KNOBS,
    RANGES,
    UNITS,
    Range,
    concrete,
    knob,
    require,
)

NEVER = -1e30  # ln P of a token that cannot follow

MAX_LENGTH = {"max_length": knob("max_length", tf.int32)}
TEXT = {"text": knob("text", tf.string)}
TOKENS = {
    "tokens": tf.TensorSpec([None, None], tf.int32, "tokens"),
    "lengths": knob("lengths", tf.int32),
}


class TokenServer(tf.Module):
    """P of texts, each given another text: a prompt, or a source.

    Args:
        task: Softmax over tokens.
        text: Text, the encoder of a text.
        network: Network.
        given: name of the input that comes with a text.
        longest: the largest `max_length` of a request.
        default: plain data, the knobs of `serving_default`.
    """

    def __init__(self, task, text, network, given, longest, default):
        super().__init__()
        self.task, self.text, self.network = task, text, network
        self.given = {given: knob(given, tf.string)}
        self.longest, self.default = longest, default

    def score(self, given, tokens, lengths):
        """ln P of tokens.

        Args:
            given: string [B].
            tokens: int32 [B, T].
            lengths: int32 [B], how many tokens of each row count.

        Returns:
            (float32 [B, T], nats, 0 after the end; float32 [B, V], ln P of the token
            after them, nats).
        """
        raise NotImplementedError

    def concrete(self, predict, knobs, draw):
        """All signatures.

        Args:
            predict, draw: functions of the given text and knobs -> dict; `draw` is
                `sample`.
            knobs: name -> spec, those of `predict`.

        Returns:
            dict of name -> concrete function: the four, and `serving_default`, which is
            `predict` with the default knobs.
        """

        # each is traced once, for two signatures: half the graphs to make and to load
        predict, score = (
            tf.function(function, autograph=False) for function in (predict, self.score)
        )

        def serving_default(**given):
            (texts,) = given.values()
            default = {n: tf.fill(tf.shape(texts), v) for n, v in self.default.items()}
            return predict(**given, **default)

        def log_prob(*, text, **given):
            tokens, lengths = self.text.encode_graph(text)
            by_token, _ = score(*given.values(), tokens, lengths)
            return answer(by_token) | {"tokens": tokens, "lengths": lengths}

        def log_prob_tokens(*, tokens, lengths, **given):
            with tf.control_dependencies(legal(tokens, lengths, self.task.num_outputs)):
                by_token, following = score(*given.values(), tokens, lengths)
            after_end = tf.one_hot([0], self.task.num_outputs, 0.0, NEVER)
            ended = has_ended(tokens, lengths)[:, None]
            following = tf.where(ended, after_end, following)
            return answer(by_token) | {"next_log_probs": following}

        def answer(by_token):
            return {"log_prob": total(by_token), "token_log_probs": by_token}

        return concrete(
            {
                "serving_default": (serving_default, self.given),
                "predict": (predict, self.given | knobs),
                "log_prob": (log_prob, self.given | TEXT),
                "log_prob_tokens": (log_prob_tokens, self.given | TOKENS),
                "sample": (draw, self.given | MAX_LENGTH | KNOBS),
            },
            self.ranges,
        )

    def made(self, continuation):
        """Answer of `predict` and `sample` from a Continuation.  -> dict."""
        tokens, lengths = continuation.tokens, continuation.lengths
        return {
            "text": self.text.decode_graph(tokens, lengths),
            "tokens": tokens,
            "lengths": lengths,
            "log_prob": total(continuation.log_probs),
            "truncated": ~continuation.ended,
        }

    @property
    def knobs(self):
        """Inputs beside texts and tokens.  -> dict of name -> default."""
        return DEFAULTS | {"top_k": self.task.num_outputs} | dict(self.default)

    @property
    def ranges(self):
        """Knob -> Range, of those that have one."""
        return RANGES | {"max_length": Range(1, self.longest)}

    @property
    def forms(self):
        """Input name -> how a request gives it."""
        texts = dict.fromkeys((*self.given, *TEXT), "text")
        tokens = {name: name for name in TOKENS}
        return dict.fromkeys(self.knobs, "knob") | texts | tokens

    @property
    def units(self):
        """Input or output name -> its meaning, with unit or range."""
        last, (given,) = self.task.num_outputs - 1, self.given
        return {
            "tokens": f"integers in [0, {last}]; a whole text's last one is EOS, 0",
            "lengths": "tokens of each row; those after them are 0",
            "max_length": f"{self.ranges['max_length']}; tokens at most, EOS counted",
            "truncated": "whether max_length came before EOS",
            "log_prob": f"ln P(tokens | {given}), nats",
            "token_log_probs": "ln P of each token given those before it, nats",
            "next_log_probs": "ln P of every token to come next, nats",
            **UNITS,
        }


def total(log_probs):
    """ln P of texts.  float32 [B, T], nats -> float64 [B]."""
    return tf.reduce_sum(tf.cast(log_probs, tf.float64), axis=1)


def largest(values, least=1):
    """The largest of some numbers; `least` if B is 0.  int32 [B] -> int32."""
    return tf.reduce_max(tf.concat([values, [least]], axis=0))


def has_ended(tokens, lengths):
    """True where a row's tokens hold EOS.  -> bool [B]."""
    column = tf.range(tf.shape(tokens)[1])[None, :]
    return tf.reduce_any((tokens == 0) & (column < lengths[:, None]), axis=1)


def legal(tokens, lengths, num):
    """Assertions that tokens are labels, and EOS at the end only.

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
