"""The SavedModel of a translation: texts in; texts, tokens and nats out."""

import tensorflow as tf

from components import translations
from components.decoding import sample
from components.serving.knobs import (
    KNOB_UNITS,
    KNOBS,
    concrete,
    knob,
    knobs_in_range,
    noise,
    require,
)
from components.serving.texts import NEVER, has_ended, legal

MAX_LENGTH = 1024  # tokens that a request may ask for
MAX_BEAM = 16
MAX_PENALTY = 5.0


class Server(tf.Module):
    """The signatures.

    Args:
        task: Translation.
        encoder: Pairs.
        network: Transformer.
        decoding: plain data of the evaluation, which `serving_default` follows:
            beam_size, length_penalty.
    """

    def __init__(self, task, encoder, network, decoding):
        super().__init__()
        self.task, self.text, self.network = task, encoder.text, network
        self.default = {**decoding, "max_length": task.max_length}

    def source_tokens(self, source):
        """Texts as the encoder takes them.

        Args:
            source: string [B].

        Returns:
            (int32 [B, S], ended by EOS; bool [B], whether a text was cut to
            `task.max_length` tokens).
        """
        tokens, lengths = self.text.encode_graph(source)
        most = self.task.max_length
        tokens, cut = tokens[:, :most], lengths > most
        last = tf.range(tf.shape(tokens)[1])[None, :] == most - 1
        return tf.where(cut[:, None] & last, 0, tokens), cut

    def score(self, source, tokens, lengths):
        """ln P of tokens given sources.

        Args:
            source: string [B].
            tokens: int32 [B, T], what is scored.
            lengths: int32 [B], how many of each row.

        Returns:
            (float32 [B, T], nats, 0 after the end; float32 [B, V], ln P of what would
            come next).
        """
        given, _ = self.source_tokens(source)
        inside = tf.sequence_mask(lengths, tf.shape(tokens)[1])
        tokens = tf.where(inside, tokens, 0)
        read = tf.pad(tokens, [[0, 0], [1, 0]])  # and the place of what comes next
        logits = self.network((given, read), training=False)
        log_probs = self.task.log_probs(logits)
        following = tf.gather(log_probs, lengths, batch_dims=1)
        of_tokens = tf.gather(log_probs[:, :-1], tokens, batch_dims=2)
        return tf.where(inside, of_tokens, 0.0), following

    def signatures(self):
        """The four signatures and `serving_default`.  -> dict of functions."""

        def predict(*, source, beam_size, max_length, length_penalty):
            checks = [
                within(beam_size, "beam_size", 1, MAX_BEAM),
                within(length_penalty, "length_penalty", 0, MAX_PENALTY),
                within(max_length, "max_length", 1, MAX_LENGTH),
            ]
            with tf.control_dependencies(checks):
                given, cut = self.source_tokens(source)
            found = translations.search(
                self.network,
                given,
                num_slots=largest(beam_size),
                size=largest(max_length),
                beam_size=beam_size,
                max_length=max_length,
                length_penalty=length_penalty,
            )
            rows, slots = tf.shape(found.lengths)[0], tf.shape(found.lengths)[1]
            flat = tf.reshape(found.tokens, [rows * slots, tf.shape(found.tokens)[2]])
            texts = self.text.decode_graph(flat, tf.reshape(found.lengths, [-1]))
            texts = tf.reshape(texts, [rows, slots])
            return {
                "text": texts[:, 0],
                "tokens": found.tokens[:, 0],
                "lengths": found.lengths[:, 0],
                "log_prob": found.log_prob[:, 0],
                "score": found.score[:, 0],
                "truncated": ~found.ended[:, 0],
                "source_truncated": cut,
                "texts": texts,
                "log_probs": found.log_prob,
                "scores": found.score,
            }

        def serving_default(*, source):
            knobs = {
                name: tf.fill(tf.shape(source), value)
                for name, value in self.default.items()
            }
            return predict(source=source, **knobs)

        def log_prob(*, source, text):
            tokens, lengths = self.text.encode_graph(text)
            by_token, _ = self.score(source, tokens, lengths)
            return answer(by_token) | {"tokens": tokens, "lengths": lengths}

        def log_prob_tokens(*, source, tokens, lengths):
            checks = legal(tokens, lengths, self.task.num_outputs)
            with tf.control_dependencies(checks):
                by_token, following = self.score(source, tokens, lengths)
            after_end = tf.one_hot([0], self.task.num_outputs, 0.0, NEVER)
            ended = has_ended(tokens, lengths)[:, None]
            following = tf.where(ended, after_end, following)
            return answer(by_token) | {"next_log_probs": following}

        def answer(by_token):
            total = tf.reduce_sum(tf.cast(by_token, tf.float64), axis=1)
            return {"log_prob": total, "token_log_probs": by_token}

        def draw(*, source, max_length, seed, temperature, top_k, top_p):
            checks = [
                *knobs_in_range(temperature, top_k, top_p),
                within(max_length, "max_length", 1, MAX_LENGTH),
            ]
            with tf.control_dependencies(checks):
                uniform = noise(seed, MAX_LENGTH)
                given, cut = self.source_tokens(source)

            def choose(log_probs, index):
                return sample(log_probs, uniform[:, index], temperature, top_k, top_p)

            made = translations.draw(
                self.network,
                given,
                size=largest(max_length),
                max_length=max_length,
                choose=choose,
            )
            return {
                "text": self.text.decode_graph(made.tokens, made.lengths),
                "tokens": made.tokens,
                "lengths": made.lengths,
                "log_prob": tf.reduce_sum(tf.cast(made.log_probs, tf.float64), axis=1),
                "truncated": ~made.ended,
                "source_truncated": cut,
            }

        source = {"source": knob("source", tf.string)}
        length = {"max_length": knob("max_length", tf.int32)}
        search = {
            "beam_size": knob("beam_size", tf.int32),
            **length,
            "length_penalty": knob("length_penalty", tf.float32),
        }
        text = {"text": knob("text", tf.string)}
        tokens = {
            "tokens": tf.TensorSpec([None, None], tf.int32, "tokens"),
            "lengths": knob("lengths", tf.int32),
        }
        return concrete(
            {
                "serving_default": (serving_default, source),
                "predict": (predict, source | search),
                "log_prob": (log_prob, source | text),
                "log_prob_tokens": (log_prob_tokens, source | tokens),
                "sample": (draw, source | length | KNOBS),
            }
        )

    @property
    def units(self):
        """Input or output name -> what it holds, with its unit or range."""
        last = self.task.num_outputs - 1
        text = self.text.describe()["text"]
        return {
            "source": f"what is translated; {text}; longer than "
            f"{self.task.max_length} tokens: cut",
            "text": f"the translation; {text}",
            "texts": "the best translations found, the first one first",
            "tokens": f"integers in [0, {last}]; a whole text's last one is EOS, 0",
            "lengths": "tokens of each row; those after them are 0",
            "beam_size": f"in [1, {MAX_BEAM}]; 1 is greedy",
            "length_penalty": f"in [0, {MAX_PENALTY}]; 0 ranks by ln P",
            "max_length": f"in [1, {MAX_LENGTH}]; tokens at most, EOS counted",
            "truncated": "whether max_length came before EOS",
            "source_truncated": "whether the source was cut",
            "log_prob": "ln P(tokens | source), nats",
            "log_probs": "ln P of each of the texts, nats; -1e30 where there is none",
            "score": "what ranks texts: ln P / ((5 + tokens) / 6)^length_penalty",
            "scores": "the score of each of the texts",
            "token_log_probs": "ln P of each token given those before it, nats",
            "next_log_probs": "ln P of every token to come next, nats",
            **KNOB_UNITS,
        }

    def facts(self):
        """What else the contract says.  -> plain data."""
        return {
            "tokenizer": self.task.tokenizer,
            "max_length": self.task.max_length,
            "serving_default": {"decoding": "beam search", **self.default},
        }


def within(values, name, low, high):
    """The assertion that a knob is in its range."""
    allowed = (values >= low) & (values <= high)
    return require(allowed, f"{name} must be in [{low}, {high}]", values)


def largest(knob):
    """The largest value of a knob; 1 for no rows.  int32 [B] -> int32 []."""
    return tf.reduce_max(tf.concat([knob, [1]], axis=0))
