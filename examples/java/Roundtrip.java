import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Encodes rows with a catvae bundle and decodes their codes, by onnxruntime from Maven Central.
 *
 * <pre>mvn -q package dependency:copy-dependencies && java -cp 'target/classes:target/dependency/*' Roundtrip BUNDLE CASE</pre>
 *
 * CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them.
 */
public class Roundtrip {
    public static void main(String[] args) throws Exception {
        if (args.length != 2) {
            System.err.println("usage: Roundtrip BUNDLE CASE");
            System.exit(64);
        }
        Path bundle = Path.of(args[0]), folder = Path.of(args[1]);
        JsonObject input = JsonParser.parseString(Files.readString(bundle.resolve("manifest.json"))).getAsJsonObject().getAsJsonObject("input");
        long[] row = input.getAsJsonArray("shape").asList().stream().mapToLong(d -> d.getAsLong()).toArray();
        float divide = input.has("divide") ? input.get("divide").getAsFloat() : (float) (1 / input.get("scale").getAsDouble());
        OrtEnvironment env = OrtEnvironment.getEnvironment();
        try (OrtSession encoder = env.createSession(bundle.resolve("encoder.onnx").toString());
                OrtSession threshold = env.createSession(bundle.resolve("threshold.onnx").toString());
                OrtSession decoder = env.createSession(bundle.resolve("decoder.onnx").toString())) {
            // Rows as the file has them become what the graph takes: a division, and nothing else.
            float[] rows = rows(folder);
            for (int i = 0; i < rows.length; i++) rows[i] /= divide;
            int n = (int) (rows.length / LongStream.of(row).reduce(1, (a, b) -> a * b));
            OnnxTensor sample = tensor(env, rows, LongStream.concat(LongStream.of(n), LongStream.of(row)).toArray());

            // Encode: rows to logits, logits to packed codes.
            OnnxTensor logits = run(encoder, "sample", sample, "latent_logits");
            ByteBuffer packed = run(threshold, "latent_logits", logits, "packed_code").getByteBuffer();

            // Decode the stored codes: bits, most significant first, as floats of the shape that the logits have.
            byte[] stored = Files.readAllBytes(folder.resolve("codes.u8"));
            long[] shape = logits.getInfo().getShape();
            int bits = (int) (logits.getInfo().getNumElements() / n), bytes = stored.length / n;
            float[] code = new float[n * bits];
            for (int i = 0; i < code.length; i++) {
                int bit = i % bits;
                code[i] = stored[i / bits * bytes + bit / 8] >> (7 - bit % 8) & 1;
            }
            FloatBuffer rebuilt = run(decoder, "code", tensor(env, code, shape), "reconstruction").getFloatBuffer();

            System.exit(compare(packed, stored, Files.readAllBytes(folder.resolve("near.u8")), code.length, rebuilt, floats(folder.resolve("reconstruction.f32"))));
        }
    }

    static OnnxTensor tensor(OrtEnvironment env, float[] values, long[] shape) throws OrtException {
        return OnnxTensor.createTensor(env, FloatBuffer.wrap(values), shape);
    }

    /** Runs a graph of one input and returns one output; a program that runs for long closes the result. */
    static OnnxTensor run(OrtSession session, String input, OnnxTensor value, String output) throws OrtException {
        return (OnnxTensor) session.run(Map.of(input, value)).get(output).orElseThrow();
    }

    static float[] rows(Path folder) throws IOException {
        if (!Files.exists(folder.resolve("rows.u8"))) return floats(folder.resolve("rows.f32"));
        byte[] pixels = Files.readAllBytes(folder.resolve("rows.u8"));
        float[] rows = new float[pixels.length];
        for (int i = 0; i < rows.length; i++) rows[i] = Byte.toUnsignedInt(pixels[i]);
        return rows;
    }

    static float[] floats(Path file) throws IOException {
        FloatBuffer values = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        float[] array = new float[values.remaining()];
        values.get(array);
        return array;
    }

    /** Prints in how many bits and values the two differ. Bits that rounding may flip are left aside. */
    static int compare(ByteBuffer packed, byte[] stored, byte[] near, int bits, FloatBuffer rebuilt, float[] wanted) {
        if (packed.remaining() != stored.length || near.length != stored.length || rebuilt.remaining() != wanted.length) {
            throw new IllegalStateException("the sizes differ");
        }
        int differ = 0, aside = 0, far = 0;
        for (int i = 0; i < stored.length; i++) {
            aside += Integer.bitCount(near[i] & 255);
            differ += Integer.bitCount((packed.get(i) ^ stored[i]) & ~near[i] & 255);
        }
        for (int i = 0; i < wanted.length; i++) {
            if (!(Math.abs(rebuilt.get(i) - wanted[i]) <= 1e-4 * Math.max(1, Math.abs(wanted[i])))) far++;
        }
        System.out.printf("bits: %d equal, %d differ, %d aside; values: %d equal, %d differ%n", bits - differ - aside, differ, aside, wanted.length - far, far);
        return differ + far == 0 ? 0 : 1;
    }
}
