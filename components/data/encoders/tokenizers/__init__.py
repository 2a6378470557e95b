"""The table of tokenizers: the tokens of a text.

Each is a class with these members. Its tokens are 1, 2, ...; token 0, EOS, is added
outside. Texts reach it in the normal form of components/data/encoders/text.py.

    fit(texts, vocab_size)   the tokenizer of the texts of train
    names                    names of the tokens 1, 2, ...
    to_json()                plain data; the class, called with it, makes the same one
    encode(texts)            list of str -> list of int [n]
    decode(tokens)           int [n] -> str
    encode_graph(texts)      string [B] -> int32 Ragged [B, n]
    decode_graph(tokens)     and back
    reads                    texts that it cannot tell apart, in words; "" if none
    op_libraries             packages whose import brings operations of its graph
"""


def tokenizer(name):
    """The class of the tokenizer called `name`.

    Raises:
        ValueError: an unknown name.
    """
    match name:
        case "bytes":
            from phistar.components.data.encoders.tokenizers.bytes import Bytes

            return Bytes
        case "characters":
            from phistar.components.data.encoders.tokenizers.characters import (
                Characters,
            )

            return Characters
        case "sentencepiece":
            from phistar.components.data.encoders.tokenizers.sentencepiece import (
                SentencePiece,
            )

            return SentencePiece
        case _:
            raise ValueError(f"no such tokenizer. Received: {name!r}.")
