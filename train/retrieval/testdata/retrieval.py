"""Writes retrieval.json: figures of a small set of rows by scikit-learn, without ties. Run it in this folder.

pip install numpy==2.4.6 scikit-learn==1.9.1
"""
import json

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

rng = np.random.default_rng(7)
n, width, classes, queries, at, votes, k, within = 90, 5, 2, 30, 20, 7, 5, 12
labels = rng.integers(0, classes, n)
rows = np.round(rng.normal(size=(n, width)) + 0.7 * labels[:, None], 3)
other = np.round(rows + 0.5 * rng.normal(size=rows.shape), 3)  # stands for what a code keeps of a row

out = {"rows": rows.tolist(), "other": other.tolist(), "labels": labels.tolist(), "queries": queries, "at": at, "votes": votes, "recall": k, "within": within, "cases": []}
for metric in ["cosine", "euclidean"]:
    for apart in [False, True]:
        precision, ap, right, recall, inside = [], [], [], [], []
        for q in range(queries):
            base = np.arange(queries, n) if apart else np.delete(np.arange(n), q)
            near = NearestNeighbors(n_neighbors=len(base), metric=metric, algorithm="brute").fit(other[base])
            distance, order = near.kneighbors(other[[q]])
            assert len(set(distance[0].tolist())) == len(base)
            hit = labels[base][order[0]] == labels[q]
            precision.append(hit[:at].mean())
            ap.append(average_precision_score(hit, -distance[0]))
            vote = KNeighborsClassifier(n_neighbors=votes, metric=metric, algorithm="brute").fit(other[base], labels[base])
            right.append(float(vote.predict(other[[q]])[0] == labels[q]))
            true = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(rows[base]).kneighbors(rows[[q]])[1][0]
            recall.append(len(set(true) & set(order[0][:k])) / k)
            inside.append(len(set(true) & set(order[0][:within])) / k)
        out["cases"].append({"metric": metric, "apart": apart, "precision": np.mean(precision), "map": np.mean(ap), "knn": np.mean(right), "recall": np.mean(recall), "recall_within": np.mean(inside)})
json.dump(out, open("retrieval.json", "w"))
