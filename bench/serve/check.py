"""tritonclient gets, by HTTP and by gRPC, the codes that infer writes: from `catvae serve`, of the same rows.

    python bench/serve/check.py HTTP_ADDRESS GRPC_ADDRESS MODEL ROWS.npy CODES.npy

ROWS are uint8, CODES what `infer` made of them. It prints a line for each way and ends with 1 where one differs.
"""

import sys

import numpy
import tritonclient.grpc
import tritonclient.http


def infer(module, client, model, name, values, datatype, outputs):
    answers = []
    for at in range(0, len(values), 1000):
        rows = values[at:at + 1000]
        tensor = module.InferInput(name, list(rows.shape), datatype)
        tensor.set_data_from_numpy(rows)
        answer = client.infer(model, [tensor], outputs=[module.InferRequestedOutput(o) for o in outputs])
        answers.append([answer.as_numpy(o) for o in outputs])
    return [numpy.concatenate(a) for a in zip(*answers)]


def main(http, grpc, model, rows, codes):
    rows, codes = numpy.load(rows), numpy.load(codes)
    floats = rows.astype(numpy.float32) / numpy.float32(255)
    good = True
    for module, address in ((tritonclient.http, http), (tritonclient.grpc, grpc)):
        client = module.InferenceServerClient(address)
        if not (client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)):
            sys.exit(f"{address} is not ready")
        client.get_model_metadata(model), client.get_model_config(model), client.get_inference_statistics(model)
        logits, = infer(module, client, model + "-encoder", "sample", floats, "FP32", ["latent_logits"])
        ways = {
            "bytes": infer(module, client, model, "sample", rows, "UINT8", ["packed_code"])[0],
            "floats": infer(module, client, model, "sample", floats, "FP32", ["packed_code"])[0],
            "encoder and threshold": infer(module, client, model + "-threshold", "latent_logits", logits, "FP32", ["packed_code"])[0],
        }
        for way, got in ways.items():
            differ = int((got != codes).any(axis=1).sum())
            good = good and differ == 0
            print(f"{module.__name__}, {way}: {differ} of {len(codes)} rows have other codes than infer's")
        client.unload_model(model)
        if client.is_model_ready(model):
            sys.exit("the model is ready after it was unloaded")
        client.load_model(model)
    sys.exit(0 if good else 1)


main(*sys.argv[1:])
