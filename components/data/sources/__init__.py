"""The table of sources of examples: one case, one file."""


def source(name):
    """The function that opens the source called `name`.

    Raises:
        ValueError: if there is no such source.
    """
    match name:
        case "breast_cancer":
            from phistar.components.data.sources.breast_cancer import breast_cancer

            return breast_cancer
        case "digits":
            from phistar.components.data.sources.digits import digits

            return digits
        case "image_folder":
            from phistar.components.data.sources.image_folder import image_folder

            return image_folder
        case "image_table":
            from phistar.components.data.sources.image_table import image_table

            return image_table
        case "kjv":
            from phistar.components.data.sources.kjv import kjv

            return kjv
        case "libreoffice":
            from phistar.components.data.sources.libreoffice import libreoffice

            return libreoffice
        case "nycflights":
            from phistar.components.data.sources.nycflights import nycflights

            return nycflights
        case "parallel":
            from phistar.components.data.sources.parallel import parallel

            return parallel
        case "table":
            from phistar.components.data.sources.table import table

            return table
        case "text":
            from phistar.components.data.sources.text import text

            return text
        case "tfds":
            from phistar.components.data.sources.tfds import tfds

            return tfds
        case "tfds_text":
            from phistar.components.data.sources.tfds_text import tfds_text

            return tfds_text
        case "tfds_translation":
            from phistar.components.data.sources.tfds_translation import (
                tfds_translation,
            )

            return tfds_translation
        case _:
            raise ValueError(
                f"no such source. Received: {name!r}. "
                "Expected one of the cases in components/data/sources/__init__.py."
            )
