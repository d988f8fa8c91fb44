"""Compares cmd/internal/serve/inferencepb/inference.proto with the schema of tritonclient: every message, field, number and type of ours must be there.

    python bench/serve/schema.py inference.proto
"""

import re
import sys

from tritonclient.grpc import model_config_pb2, service_pb2

types = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes", 13: "uint32"}


def theirs():
    fields = {}

    def walk(message):
        for f in message.fields:
            if f.message_type and f.message_type.GetOptions().map_entry:
                kind = "map"
            else:
                kind = types.get(f.type) or (f.message_type or f.enum_type).name
            fields[message.full_name.removeprefix("inference.") + "." + f.name] = (f.number, kind)
        fields[message.full_name.removeprefix("inference.")] = None
        for nested in message.nested_types:
            walk(nested)

    for module in (service_pb2, model_config_pb2):
        for message in module.DESCRIPTOR.message_types_by_name.values():
            walk(message)
        for enum in module.DESCRIPTOR.enum_types_by_name.values():
            fields[enum.name] = None
            for value in enum.values:
                fields[enum.name + "." + value.name] = (value.number, "enum")
    return fields


def ours(text):
    text = re.sub(r"//[^\n]*", "", text)
    stack = []
    for token in re.finditer(r"(message|enum|oneof) (\w+) \{|\}|(?:repeated )?(map<[^>]*>|\w+) (\w+) = (\d+);|(\w+) = (\d+);", text):
        if token[1]:
            stack.append("" if token[1] == "oneof" else token[2])
            if token[1] != "oneof":
                yield ".".join(filter(None, stack)), None
        elif token[0] == "}":
            stack.pop()
        elif token[4]:
            yield ".".join(filter(None, stack)) + "." + token[4], (int(token[5]), "map" if token[3].startswith("map") else token[3])
        else:
            yield ".".join(filter(None, stack)) + "." + token[6], (int(token[7]), "enum")


known, count = theirs(), 0
for name, field in ours(open(sys.argv[1], encoding="utf-8").read()):
    count += 1
    if name not in known or known[name] != field:
        sys.exit(f"{name} is {field} here, and {known.get(name, 'nothing')} in tritonclient")
if count < 100:
    sys.exit(f"only {count} names were found in the schema")
print(f"{count} messages, fields and values are tritonclient's")
