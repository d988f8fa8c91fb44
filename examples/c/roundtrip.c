/* Encodes rows with a catvae bundle and decodes their codes, by onnxruntime's C API.
 *
 *	cc -O2 roundtrip.c -o roundtrip -lonnxruntime -lcjson -lm && ./roundtrip BUNDLE CASE
 *
 * CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them. */
#include <cjson/cJSON.h>
#include <math.h>
#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIMS 8

static const OrtApi *ort;
static OrtEnv *env;
static OrtMemoryInfo *memory;

/* A tensor in memory of its own: floats or bytes. */
typedef struct {
	void *data;
	size_t count, dims;
	int64_t shape[MAX_DIMS];
} Tensor;

static void fail(const char *what, const char *why) {
	fprintf(stderr, "roundtrip: %s: %s\n", what, why);
	exit(1);
}

static void check(OrtStatus *status, const char *what) {
	if (status) fail(what, ort->GetErrorMessage(status)); /* a program that goes on releases the status */
}

static void *allocate(size_t bytes) {
	void *p = malloc(bytes ? bytes : 1);
	if (!p) fail("memory", "there is not enough");
	return p;
}

static char *join(const char *folder, const char *name) {
	size_t size = strlen(folder) + strlen(name) + 2;
	char *path = allocate(size);
	snprintf(path, size, "%s/%s", folder, name);
	return path;
}

/* Reads a file whole, with a zero behind it. NULL where there is none. */
static unsigned char *file(const char *folder, const char *name, size_t *size) {
	char *path = join(folder, name);
	FILE *f = fopen(path, "rb");
	free(path);
	if (!f) return NULL;
	fseek(f, 0, SEEK_END);
	*size = (size_t)ftell(f);
	rewind(f);
	unsigned char *data = allocate(*size + 1);
	if (fread(data, 1, *size, f) != *size) fail(name, "cannot be read");
	data[*size] = 0;
	fclose(f);
	return data;
}

static unsigned char *needed(const char *folder, const char *name, size_t *size) {
	unsigned char *data = file(folder, name, size);
	if (!data) fail(name, "is not there");
	return data;
}

/* Runs a graph of one input of floats and returns one output. */
static Tensor run(const char *bundle, const char *graph, const char *input, const char *output, Tensor in, size_t element) {
	OrtSessionOptions *options;
	OrtSession *session;
	OrtValue *value, *result = NULL;
	OrtTensorTypeAndShapeInfo *info;
	Tensor out;
	void *data;
	char *path = join(bundle, graph);
	check(ort->CreateSessionOptions(&options), graph);
	check(ort->CreateSession(env, path, options, &session), graph);
	check(ort->CreateTensorWithDataAsOrtValue(memory, in.data, in.count * sizeof(float), in.shape, in.dims, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value), graph);
	check(ort->Run(session, NULL, &input, (const OrtValue *const *)&value, 1, &output, 1, &result), graph);
	check(ort->GetTensorTypeAndShape(result, &info), output);
	check(ort->GetTensorShapeElementCount(info, &out.count), output);
	check(ort->GetDimensionsCount(info, &out.dims), output);
	if (out.dims > MAX_DIMS) fail(output, "has too many dimensions");
	check(ort->GetDimensions(info, out.shape, out.dims), output);
	check(ort->GetTensorMutableData(result, &data), output);
	out.data = memcpy(allocate(out.count * element), data, out.count * element);
	ort->ReleaseTensorTypeAndShapeInfo(info);
	ort->ReleaseValue(result);
	ort->ReleaseValue(value);
	ort->ReleaseSession(session);
	ort->ReleaseSessionOptions(options);
	free(path);
	return out;
}

/* Rows as the file has them become what the graph takes: a division, and nothing else. */
static Tensor sample(const char *bundle, const char *folder) {
	size_t size;
	Tensor t = {.dims = 1};
	cJSON *manifest = cJSON_Parse((char *)needed(bundle, "manifest.json", &size));
	cJSON *input = cJSON_GetObjectItem(manifest, "input"), *divide = cJSON_GetObjectItem(input, "divide"), *scale = cJSON_GetObjectItem(input, "scale"), *d;
	if (!divide && !scale) fail("manifest.json", "says no divisor");
	float by = (float)(divide ? divide->valuedouble : 1 / scale->valuedouble);
	unsigned char *raw = file(folder, "rows.u8", &size);
	t.count = size;
	if (!raw) {
		raw = needed(folder, "rows.f32", &size);
		t.count = size / sizeof(float);
		t.data = raw;
		raw = NULL;
	} else {
		t.data = allocate(size * sizeof(float));
	}
	float *rows = t.data;
	for (size_t i = 0; i < t.count; i++) rows[i] = (raw ? (float)raw[i] : rows[i]) / by;
	free(raw);
	t.shape[0] = (int64_t)t.count;
	cJSON_ArrayForEach(d, cJSON_GetObjectItem(input, "shape")) {
		if (t.dims == MAX_DIMS) fail("manifest.json", "rows have too many dimensions");
		t.shape[t.dims++] = (int64_t)d->valuedouble;
		t.shape[0] /= (int64_t)d->valuedouble;
	}
	cJSON_Delete(manifest);
	return t;
}

static size_t ones(unsigned char b) {
	size_t n = 0;
	for (; b; b &= b - 1) n++;
	return n;
}

int main(int argc, char **argv) {
	if (argc != 3) {
		fprintf(stderr, "usage: roundtrip BUNDLE CASE\n");
		return 64;
	}
	const char *bundle = argv[1], *folder = argv[2];
	ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
	if (!ort) fail("onnxruntime", "the library is older than the header");
	check(ort->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "roundtrip", &env), "onnxruntime");
	check(ort->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory), "onnxruntime");

	/* Encode: rows to logits, logits to packed codes. */
	Tensor logits = run(bundle, "encoder.onnx", "sample", "latent_logits", sample(bundle, folder), sizeof(float));
	Tensor packed = run(bundle, "threshold.onnx", "latent_logits", "packed_code", logits, 1);

	/* Decode the stored codes: bits, most significant first, as floats of the shape that the logits have. */
	size_t size, nears, wanted;
	unsigned char *stored = needed(folder, "codes.u8", &size), *near = needed(folder, "near.u8", &nears);
	float *reconstruction = (float *)(void *)needed(folder, "reconstruction.f32", &wanted);
	Tensor code = logits;
	size_t bits = logits.count / (size_t)logits.shape[0], bytes = size / (size_t)logits.shape[0];
	float *values = code.data = allocate(code.count * sizeof(float));
	for (size_t i = 0; i < code.count; i++) {
		size_t bit = i % bits;
		values[i] = (float)(stored[i / bits * bytes + bit / 8] >> (7 - bit % 8) & 1);
	}
	Tensor rebuilt = run(bundle, "decoder.onnx", "code", "reconstruction", code, sizeof(float));

	/* In how many bits and values do they differ? Bits that rounding may flip are left aside. */
	if (packed.count != size || nears != size || rebuilt.count * sizeof(float) != wanted) fail(folder, "the sizes differ");
	size_t differ = 0, aside = 0, far = 0;
	for (size_t i = 0; i < size; i++) {
		aside += ones(near[i]);
		differ += ones((((unsigned char *)packed.data)[i] ^ stored[i]) & (unsigned char)~near[i]);
	}
	for (size_t i = 0; i < rebuilt.count; i++) {
		if (!(fabsf(((float *)rebuilt.data)[i] - reconstruction[i]) <= 1e-4f * fmaxf(1, fabsf(reconstruction[i])))) far++;
	}
	printf("bits: %zu equal, %zu differ, %zu aside; values: %zu equal, %zu differ\n", code.count - differ - aside, differ, aside, rebuilt.count - far, far);
	return differ + far != 0;
}
