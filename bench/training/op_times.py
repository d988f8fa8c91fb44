"""Where a training step's time goes: onnxruntime's profile of a step's graph, summed by operator.

    go run ./bench/training --models bernoulli --batches 128 --write step.onnx
    python bench/training/op_times.py step.onnx 2

The second argument is the number of threads. Every input is bound once, as training does; profiling itself costs some
microseconds a node, so compare shares, not sums.
"""

import collections
import json
import os
import sys
import tempfile

import numpy as np
import onnxruntime as ort

STEPS = 200


def main():
    path, threads = sys.argv[1], int(sys.argv[2])
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_profiling = True
    options.profile_file_prefix = os.path.join(tempfile.mkdtemp(), "profile")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    binding, random, kept = session.io_binding(), np.random.default_rng(0), []  # a binding does not keep its values
    for i in session.get_inputs():
        dtype = np.uint8 if "uint8" in i.type else np.float32
        value = random.random(i.shape) * (2 if dtype == np.uint8 else 0.05) + (0 if dtype == np.uint8 else 1e-3)
        kept.append(ort.OrtValue.ortvalue_from_numpy(np.asarray(value, dtype=dtype)))
        binding.bind_ortvalue_input(i.name, kept[-1])
    for o in session.get_outputs():
        kept.append(ort.OrtValue.ortvalue_from_shape_and_type(o.shape, np.float32))
        binding.bind_ortvalue_output(o.name, kept[-1])
    for _ in range(STEPS):
        session.run_with_iobinding(binding)
    time, count = collections.Counter(), collections.Counter()
    for event in json.load(open(session.end_profiling())):
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            time[event["args"]["op_name"]] += event["dur"] / STEPS
            count[event["args"]["op_name"]] += 1 / STEPS
    total = sum(time.values())
    print("| operator | nodes | µs a step | share |\n| --- | --- | --- | --- |")
    for op, us in time.most_common():
        print(f"| {op} | {count[op]:.0f} | {us:.0f} | {100 * us / total:.1f} % |")
    print(f"| all | {sum(count.values()):.0f} | {total:.0f} | 100 % |")


main()
