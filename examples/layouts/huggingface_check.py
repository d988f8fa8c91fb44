"""Reads a folder's model card by huggingface_hub, and checks that what it says is what its manifest says.

python huggingface_check.py FOLDER
"""
import json
import os
import sys

import huggingface_hub
import yaml

folder = sys.argv[1]
card = huggingface_hub.ModelCard.load(os.path.join(folder, "README.md"))
with open(os.path.join(folder, "manifest.json")) as f:
    manifest = json.load(f)
assert card.data.library_name == "catvae" and "onnx" in card.data.tags, card.data
results = card.data.eval_results or []
assert all(isinstance(r.metric_value, (int, float)) for r in results), results
again = yaml.safe_load(huggingface_hub.ModelCard(str(card)).data.to_yaml())
assert again["tags"] == card.data.tags, again
for word in [str(s) for s in manifest["input"]["shape"]] + [manifest["likelihood"], manifest["latent"]["kind"]]:
    assert word in card.text, f"the card lacks {word}"
api = huggingface_hub.HfApi()
files = [f for f in huggingface_hub.utils.filter_repo_objects(sorted(os.listdir(folder)))]
assert "README.md" in files and "encoder.onnx" in files
print(f"huggingface_hub {huggingface_hub.__version__}: a card of {len(card.text)} characters, {len(results)} figures")
