import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Runs ONNX graphs on onnxruntime's Java package, as runtimes.py asks: Peer JOBS.json FROM. See peer.py. */
public class Peer {
    public static void main(String[] args) throws Exception {
        JsonArray jobs = JsonParser.parseString(Files.readString(Path.of(args[0]))).getAsJsonArray();
        for (int i = Integer.parseInt(args[1]); i < jobs.size(); i++) {
            String line = "ok";
            try {
                run(jobs.get(i).getAsJsonObject());
            } catch (Exception e) {
                line = e.toString().replaceAll("\\s+", " ");
            }
            System.out.println(line);
        }
    }

    static void run(JsonObject job) throws Exception {
        OrtEnvironment env = OrtEnvironment.getEnvironment();
        long[] shape = job.getAsJsonArray("shape").asList().stream().mapToLong(JsonElement::getAsLong).toArray();
        byte[] raw = Files.readAllBytes(Path.of(job.get("file").getAsString()));
        ByteBuffer bytes = ByteBuffer.allocateDirect(raw.length).order(ByteOrder.nativeOrder()).put(raw).rewind();
        boolean pixels = job.get("dtype").getAsString().equals("uint8");
        try (OrtSession session = env.createSession(job.get("graph").getAsString());
                OnnxTensor in = pixels ? OnnxTensor.createTensor(env, bytes, shape, OnnxJavaType.UINT8) : OnnxTensor.createTensor(env, bytes.asFloatBuffer(), shape);
                OrtSession.Result made = session.run(Map.of(job.get("input").getAsString(), in))) {
            for (JsonElement wanted : job.getAsJsonArray("outputs")) {
                OnnxTensor value = (OnnxTensor) made.get(wanted.getAsJsonArray().get(0).getAsString()).orElseThrow();
                ByteBuffer out = value.getByteBuffer(); // of float32 values too
                byte[] data = new byte[out.remaining()];
                out.get(data);
                Files.write(Path.of(wanted.getAsJsonArray().get(1).getAsString()), data);
            }
        }
    }
}
