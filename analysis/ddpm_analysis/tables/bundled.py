"""The sets that come with scikit-learn."""
import numpy as np

from ..failures import optional
from .columns import Column, Source

NAMES = ("digits", "wine", "breast_cancer", "diabetes")
LABEL = "label"                # the column of classes


class Bundled(Source):
    def __init__(self, name):
        bunch = getattr(optional("sklearn.datasets"), f"load_{name}")()
        names = [str(column) for column in bunch.feature_names]
        self.path, self.values, self.texts = name, bunch.data, None
        if name == "diabetes":  # its target is a measurement, not a class
            names, self.values = [*names, "progression"], np.column_stack([bunch.data, bunch.target])
        else:
            self.texts = [str(bunch.target_names[code]) for code in bunch.target]
        columns = [Column(name) for name in names] + [Column(LABEL, is_text=True)] * (self.texts is not None)
        super().__init__(columns)

    def chunks(self):
        yield [*np.ma.array(self.values.T), *([self.texts] if self.texts else [])]

    def csv(self):
        """(names, rows of cells)."""
        rows = self.values.tolist()
        return ([column.name for column in self.columns],
                [[*row, text] for row, text in zip(rows, self.texts)] if self.texts else rows)
