// Encodes rows with a catvae bundle and decodes their codes, by Microsoft.ML.OnnxRuntime.
//
//	dotnet run -- BUNDLE CASE
//
// CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them.
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: roundtrip BUNDLE CASE");
    return 64;
}
var (bundle, folder) = (args[0], args[1]);
var input = JsonDocument.Parse(File.ReadAllText(Path.Combine(bundle, "manifest.json"))).RootElement.GetProperty("input");
var row = input.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray();
var divide = (float)(input.TryGetProperty("divide", out var divisor) ? divisor.GetDouble() : 1 / input.GetProperty("scale").GetDouble());
using var encoder = new InferenceSession(Path.Combine(bundle, "encoder.onnx"));
using var threshold = new InferenceSession(Path.Combine(bundle, "threshold.onnx"));
using var decoder = new InferenceSession(Path.Combine(bundle, "decoder.onnx"));

// Rows as the file has them become what the graph takes: a division, and nothing else.
var pixels = Path.Combine(folder, "rows.u8");
var raw = File.Exists(pixels) ? File.ReadAllBytes(pixels).Select(b => (float)b).ToArray() : Floats("rows.f32");
var rows = raw.Select(v => v / divide).ToArray();
var n = rows.Length / row.Aggregate(1L, (a, b) => a * b);

// Encode: rows to logits, logits to packed codes.
var (logits, shape) = Run<float>(encoder, "sample", rows, [n, .. row], "latent_logits");
var (packed, _) = Run<byte>(threshold, "latent_logits", logits, shape, "packed_code");

// Decode the stored codes: bits, most significant first, as floats of the shape that the logits have.
var (stored, near) = (Bytes("codes.u8"), Bytes("near.u8"));
var (bits, bytes) = (logits.Length / (int)n, stored.Length / (int)n);
var code = Enumerable.Range(0, logits.Length).Select(i => (float)(stored[i / bits * bytes + i % bits / 8] >> (7 - i % bits % 8) & 1)).ToArray();
var (rebuilt, _) = Run<float>(decoder, "code", code, shape, "reconstruction");

// In how many bits and values do they differ? Bits that rounding may flip are left aside.
var wanted = Floats("reconstruction.f32");
if (packed.Length != stored.Length || near.Length != stored.Length || rebuilt.Length != wanted.Length) throw new InvalidDataException("the sizes differ");
var aside = near.Sum(b => BitOperations.PopCount(b));
var differ = Enumerable.Range(0, stored.Length).Sum(i => BitOperations.PopCount((uint)((packed[i] ^ stored[i]) & ~near[i] & 255)));
var far = Enumerable.Range(0, wanted.Length).Count(i => !(Math.Abs(rebuilt[i] - wanted[i]) <= 1e-4f * Math.Max(1, Math.Abs(wanted[i]))));
Console.WriteLine($"bits: {code.Length - differ - aside} equal, {differ} differ, {aside} aside; values: {wanted.Length - far} equal, {far} differ");
return differ + far == 0 ? 0 : 1;

byte[] Bytes(string name) => File.ReadAllBytes(Path.Combine(folder, name));

float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(Bytes(name)).ToArray();

// Gives a graph its one input and returns one output with its shape.
static (T[], long[]) Run<T>(InferenceSession session, string input, float[] values, long[] shape, string output) where T : unmanaged
{
    using var value = OrtValue.CreateTensorValueFromMemory(values, shape);
    using var options = new RunOptions();
    using var results = session.Run(options, [input], [value], [output]);
    return (results[0].GetTensorDataAsSpan<T>().ToArray(), results[0].GetTensorTypeAndShape().Shape);
}
