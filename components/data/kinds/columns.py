"""Tables: named columns of numbers and categories."""

import numpy as np

from components.data.kinds.base import StoredNames


class StoredColumns(StoredNames):
    """Encoded rows, float32 [N, D]; raw.npy holds the columns of test as they were."""

    def raw(self, folder):
        """Columns before they are encoded.  -> dict of name -> array [N]."""
        table = np.load(folder / "raw.npy", mmap_mode="r")
        return {name: table[name] for name in table.dtype.names}
