"""Writes a tiny embedder, and golden.json: the tokens and embeddings that Hugging Face's tokenizers and onnxruntime make of texts.

    python generate.py        # with tokenizers 0.22, onnx 1.19, onnxruntime 1.29, numpy

The model is one layer of a transformer with random weights: embeddings of tokens, places and types, attention with a mask, a feed-forward network.
"""
import json
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WIDTH, PLACES = 16, 32
FOLDER = "tiny"
TEXTS = ["hello world", "Hello, World!", "a", "unaffable words", "café", "the quick brown fox jumps over the lazy dog", "x " * 60, "日本 😀", "hello world again and again", "[MASK] me"]


def tokenizer():
    pieces = [chr(c) for c in range(33, 127)] + ["hello", "world", "un", "aff", "able", "the", "fox", "dog", "again", "ing", "er", "日", "本"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + pieces + ["##" + p for p in pieces]
    t = Tokenizer(models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]", max_input_chars_per_word=100))
    t.add_special_tokens(tokens[:5])
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair=None, special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.enable_truncation(PLACES)
    return t


def model(vocabulary):
    random = np.random.default_rng(1)
    constants, nodes = [], []

    def constant(name, value, dtype=np.float32):
        constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def weight(name, *shape):
        return constant(name, random.normal(size=shape) / np.sqrt(shape[0] if len(shape) > 1 else 1))

    def node(op, *inputs, **attributes):
        name = f"{op}_{len(nodes)}"
        nodes.append(helper.make_node(op, list(inputs), [name], name, **attributes))
        return name

    def norm(x, name):
        centred = node("Sub", x, node("ReduceMean", x, axes=[-1]))
        deviation = node("Sqrt", node("Add", node("ReduceMean", node("Mul", centred, centred), axes=[-1]), constant(name + "_least", 1e-5)))
        return node("Add", node("Mul", node("Div", centred, deviation), weight(name + "_scale", WIDTH)), weight(name + "_shift", WIDTH))

    one = constant("one", [1], np.int64)
    length = node("Gather", node("Shape", "input_ids"), constant("second", 1, np.int64))
    places = node("Slice", weight("places", PLACES, WIDTH), constant("from", [0], np.int64), node("Unsqueeze", length, constant("zero", [0], np.int64)), constant("rows", [0], np.int64))
    x = node("Add", node("Gather", weight("tokens", vocabulary, WIDTH), "input_ids"), node("Gather", weight("types", 2, WIDTH), "token_type_ids"))
    x = norm(node("Add", x, places), "first")
    hidden = node("Sub", node("Cast", node("Unsqueeze", "attention_mask", one), to=TensorProto.FLOAT), constant("whole", 1.0))
    q, k, v = (node("MatMul", x, weight(name, WIDTH, WIDTH)) for name in ("query", "key", "value"))
    scores = node("Add", node("Mul", node("MatMul", q, node("Transpose", k, perm=[0, 2, 1])), constant("scale", 0.25)), node("Mul", hidden, constant("far", 10000.0)))
    x = norm(node("Add", x, node("MatMul", node("Softmax", scores, axis=-1), v)), "second_norm")
    h = node("MatMul", x, weight("up", WIDTH, 4 * WIDTH))
    gelu = node("Mul", node("Mul", h, constant("half", 0.5)), node("Add", node("Erf", node("Div", h, constant("root", np.sqrt(2)))), constant("unit", 1.0)))
    x = norm(node("Add", x, node("MatMul", gelu, weight("down", 4 * WIDTH, WIDTH))), "third")
    nodes[-1].output[0] = "last_hidden_state"
    node("Tanh", node("MatMul", node("Gather", "last_hidden_state", constant("cls", 0, np.int64), axis=1), weight("pooler", WIDTH, WIDTH)))
    nodes[-1].output[0] = "pooler_output"
    ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "batch"]) for name in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", WIDTH]), helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["batch", WIDTH])]
    made = helper.make_model(helper.make_graph(nodes, "tiny", ids, outputs, constants), opset_imports=[helper.make_opsetid("", 14)], ir_version=7, producer_name="generate.py")
    onnx.checker.check_model(made)
    return made


os.makedirs(FOLDER, exist_ok=True)
tok = tokenizer()
tok.save(f"{FOLDER}/tokenizer.json", pretty=False)
onnx.save(model(tok.get_vocab_size()), f"{FOLDER}/model.onnx")
session = onnxruntime.InferenceSession(f"{FOLDER}/model.onnx")
golden = []
for text in TEXTS:
    e = tok.encode(text)
    ids = np.array([e.ids], np.int64)
    hidden, output = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})
    unit = lambda v: (v / np.linalg.norm(v)).tolist()
    golden.append({"text": text, "tokens": e.ids, "mean": unit(hidden[0].mean(0)), "cls": unit(hidden[0][0]), "output": unit(output[0])})
with open("golden.json", "w") as f:
    json.dump(golden, f)
    f.write("\n")
