"""The table of sources of examples: one case, one file."""


def source(name):
    """The function that opens the source called `name`.

    Raises:
        ValueError: if there is no such source.
    """
    match name:
        case "breast_cancer":
            from components.data.sources.breast_cancer import breast_cancer

            return breast_cancer
        case "csv":
            from components.data.sources.csv import csv

            return csv
        case "digits":
            from components.data.sources.digits import digits

            return digits
        case "image_folder":
            from components.data.sources.image_folder import image_folder

            return image_folder
        case "kjv":
            from components.data.sources.kjv import kjv

            return kjv
        case "libreoffice":
            from components.data.sources.libreoffice import libreoffice

            return libreoffice
        case "nycflights":
            from components.data.sources.nycflights import nycflights

            return nycflights
        case "parallel":
            from components.data.sources.parallel import parallel

            return parallel
        case "text":
            from components.data.sources.text import text

            return text
        case "tfds":
            from components.data.sources.tfds import tfds

            return tfds
        case "tfds_text":
            from components.data.sources.tfds_text import tfds_text

            return tfds_text
        case "tfds_translation":
            from components.data.sources.tfds_translation import tfds_translation

            return tfds_translation
        case _:
            raise ValueError(
                f"no such source. Received: {name!r}. "
                "Expected one of the cases in components/data/sources/__init__.py."
            )
