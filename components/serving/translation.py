"""The SavedModel of a translation: texts in; texts, tokens and nats out."""

import tensorflow as tf

from phistar.components.decoding import search
from phistar.components.decoding.sample import sample
from phistar.components.serving.knobs import Range, knob, noise, require
from phistar.components.serving.tokens import MAX_LENGTH, TokenServer, largest
from phistar.components.tasks.translation import LONGEST

RANGES = {"beam_size": Range(1, 16), "length_penalty": Range(0, 5.0)}
SEARCH = {
    "beam_size": knob("beam_size", tf.int32),
    **MAX_LENGTH,
    "length_penalty": knob("length_penalty", tf.float32),
}


class TranslationServer(TokenServer):
    """The signatures.

    Args:
        task: Translation.
        encoder: Pairs.
        network: Transformer.
        scale: not used; ln P is that of the logits.
        decoding: beam_size and length_penalty of the evaluation, which are those of
            `serving_default`.
    """

    def __init__(self, task, encoder, network, scale, decoding):
        default = {**decoding, "max_length": task.max_length}
        super().__init__(task, encoder, network, "source", LONGEST, default)

    def source_tokens(self, source):
        """Tokens of source texts, cut to the length that training had.

        Args:
            source: string [B].

        Returns:
            (int32 [B, S], ended by EOS; bool [B], True where a text was cut to
            `task.max_length` tokens).
        """
        tokens, lengths = self.text.encode_graph(source)
        most = self.task.max_length
        tokens, cut = tokens[:, :most], lengths > most
        last = tf.range(tf.shape(tokens)[1])[None, :] == most - 1  # becomes EOS
        return tf.where(cut[:, None] & last, 0, tokens), cut

    def score(self, source, tokens, lengths):
        """ln P of tokens given sources; see TokenServer."""
        # attention takes memory that grows with the square of the length
        what = f"text or tokens must be at most {LONGEST} tokens, the end counted"
        width = tf.shape(tokens)[1:]
        with tf.control_dependencies([require(width <= LONGEST, what, width)]):
            tokens = tf.identity(tokens)
        given, _ = self.source_tokens(source)
        inside = tf.sequence_mask(lengths, tf.shape(tokens)[1])
        tokens = tf.where(inside, tokens, 0)
        read = tf.pad(tokens, [[0, 0], [1, 0]])  # [B, T + 1]: one for the token after
        logits = self.network((given, read), training=False)
        log_probs = self.task.log_probs(logits)  # [B, T + 1, V]
        following = tf.gather(log_probs, lengths, batch_dims=1)
        of_tokens = tf.gather(log_probs[:, :-1], tokens, batch_dims=2)
        return tf.where(inside, of_tokens, 0.0), following

    def signatures(self):
        """The four signatures and `serving_default`.  -> dict of functions."""

        def predict(*, source, beam_size, max_length, length_penalty):
            given, cut = self.source_tokens(source)
            found = search.search(
                self.network,
                given,
                num_slots=largest(beam_size),
                size=largest(max_length),
                beam_size=beam_size,
                max_length=max_length,
                length_penalty=length_penalty,
            )
            # [B, slots, T] -> [B * slots, T], as the decoder of texts takes them
            rows, slots = tf.shape(found.lengths)[0], tf.shape(found.lengths)[1]
            flat = tf.reshape(found.tokens, [rows * slots, tf.shape(found.tokens)[2]])
            texts = self.text.decode_graph(flat, tf.reshape(found.lengths, [-1]))
            texts = tf.reshape(texts, [rows, slots])
            # slots are in the order of their scores: the first is the answer
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

        def draw(*, source, max_length, seed, temperature, top_k, top_p):
            uniform = noise(seed, LONGEST)
            given, cut = self.source_tokens(source)

            def choose(log_probs, index):
                return sample(log_probs, uniform[:, index], temperature, top_k, top_p)

            made = search.draw(
                self.network,
                given,
                size=largest(max_length),
                max_length=max_length,
                choose=choose,
            )
            return {**self.made(made), "source_truncated": cut}

        return self.concrete(predict, SEARCH, draw)

    @property
    def ranges(self):
        """Knob -> Range, of those that have one."""
        return super().ranges | RANGES

    @property
    def units(self):
        """Input or output name -> its meaning, with unit or range."""
        text = self.text.describe()["text"]
        return {
            **super().units,
            "source": f"what is translated; {text}; longer than "
            f"{self.task.max_length} tokens: cut",
            "text": f"the translation; {text}",
            "texts": "the best translations found, the first one first",
            "beam_size": f"{RANGES['beam_size']}; 1 is greedy",
            "length_penalty": f"{RANGES['length_penalty']}; 0 ranks by ln P",
            "source_truncated": "whether the source was cut",
            "log_probs": "ln P of each of the texts, nats; -1e30 where there is none",
            "score": "what ranks texts: ln P / ((5 + tokens) / 6)^length_penalty",
            "scores": "the score of each of the texts",
        }

    def facts(self):
        """Further keys of the contract.  -> plain data."""
        return {
            "tokenizer": self.task.tokenizer,
            "max_length": self.task.max_length,
            "serving_default": {"decoding": "beam search", **self.default},
        }
