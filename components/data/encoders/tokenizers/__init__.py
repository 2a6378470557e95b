"""The table of tokenizers, each a definition of a token.

All are classes with the same interface. Tokens are 1, 2, ...; 0 is EOS, which the
tokenizer neither reads nor writes. Texts are in the normal form of
components/data/encoders/text.py.

    fit(texts, vocab_size)   the tokenizer of the texts of train
    names                    names of the tokens 1, 2, ...
    to_json()                plain data, the arguments of the same tokenizer
    encode(texts)            list of str -> list of int [n]
    decode(tokens)           int [n] -> str
    encode_graph(texts)      string [B] -> int32 Ragged [B, n]
    decode_graph(tokens)     int32 Ragged [B, n] -> string [B]
    reads                    texts that it cannot tell apart, in words, or ""
    op_libraries             packages whose import brings operations of its graph
"""


def tokenizer(name):
    """The class of the tokenizer called `name`.

    Raises:
        ValueError: if there is no such tokenizer.
    """
    match name:
        case "bytes":
            from components.data.encoders.tokenizers.bytes import Bytes

            return Bytes
        case "characters":
            from components.data.encoders.tokenizers.characters import Characters

            return Characters
        case "sentencepiece":
            from components.data.encoders.tokenizers.sentencepiece import SentencePiece

            return SentencePiece
        case _:
            raise ValueError(
                f"no such tokenizer. Received: {name!r}. "
                "Expected one of the cases in "
                "components/data/encoders/tokenizers/__init__.py."
            )
