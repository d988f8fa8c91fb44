"""Writes sparse matrices with SciPy and scikit-learn: python sparse.py. The numbers are those of sparse.npy."""

import gzip
import io

import numpy
import scipy.sparse
import sklearn.datasets

dense = numpy.zeros((7, 9), numpy.float32)
for row, column, value in [(0, 1, 3), (0, 8, 1), (1, 4, 2), (3, 2, 0.5), (3, 3, 250), (3, 7, 7), (4, 8, 4), (5, 1, 6), (5, 2, 1), (6, 5, 1000)]:
    dense[row, column] = value
numpy.save("sparse.npy", dense)
matrix = scipy.sparse.csr_matrix(dense)
scipy.sparse.save_npz("sparse.npz", matrix)
scipy.sparse.save_npz("sparse_stored.npz", scipy.sparse.csr_array(matrix), compressed=False)
scipy.sparse.save_npz("sparse_csc.npz", matrix.tocsc())

# Columns in any order, numbers of one column added up, indices of 64 bits, numbers of 64.
indices = numpy.array([8, 1, 1, 4, 7, 2, 3, 8, 2, 1, 1, 5], numpy.int64)
data = numpy.array([1, 1, 2, 2, 7, 0.5, 250, 4, 1, 2, 4, 1000], numpy.float64)
wide = scipy.sparse.csr_matrix((7, 9), dtype=numpy.float64)
wide.indices, wide.data, wide.indptr = indices, data, numpy.array([0, 3, 4, 4, 7, 8, 11, 12], numpy.int64)
assert (wide.toarray() == dense).all()
scipy.sparse.save_npz("sparse_unordered.npz", wide)

labels = numpy.array([3, 1, 1, 2, 3, 2, 1])
for name, zero_based in [("sparse0.svm", True), ("sparse1.svm", False)]:
    sklearn.datasets.dump_svmlight_file(matrix, labels, name, zero_based=zero_based, comment="of scikit-learn")
text = io.BytesIO()
sklearn.datasets.dump_svmlight_file(matrix, labels, text, zero_based=False, query_id=labels)
gzip.GzipFile("sparse1.svm.gz", "wb", mtime=0).write(text.getvalue())
back = sklearn.datasets.load_svmlight_file("sparse1.svm", n_features=9)[0]
assert (back.toarray() == dense).all()
