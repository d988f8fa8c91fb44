// Encodes rows with a catvae bundle and decodes their codes, by onnxruntime's C API in C++.
//
//	c++ -O2 -std=c++20 roundtrip.cpp -o roundtrip -lonnxruntime && ./roundtrip BUNDLE CASE
//
// CASE is a folder that examples/cases writes: rows, and the codes and reconstructions that catvae makes of them. Who has
// onnxruntime_cxx_api.h, which comes with Microsoft's archives, can leave out what is in the namespace ort here.
#include <onnxruntime_c_api.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace fs = std::filesystem;

// The few calls of the C API that a bundle needs, with owners.
namespace ort {

const OrtApi &api() {
	static const OrtApi *a = OrtGetApiBase()->GetApi(ORT_API_VERSION);
	if (!a) throw std::runtime_error("the library is older than the header");
	return *a;
}

void check(OrtStatus *status) {
	if (!status) return;
	std::string why = api().GetErrorMessage(status);
	api().ReleaseStatus(status);
	throw std::runtime_error(why);
}

template <class T>
using Owner = std::unique_ptr<T, void (*)(T *)>;

template <class T>
struct Tensor {
	std::vector<int64_t> shape;
	std::vector<T> data;
};

class Session {
  public:
	Session(OrtEnv *env, const fs::path &path) {
		OrtSessionOptions *options;
		check(api().CreateSessionOptions(&options));
		Owner<OrtSessionOptions> owned(options, api().ReleaseSessionOptions);
		OrtSession *made;
		check(api().CreateSession(env, path.c_str(), options, &made));
		session.reset(made);
	}

	// Gives the graph its one input and returns one output.
	template <class T>
	Tensor<T> run(const char *input, Tensor<float> &in, const char *output) {
		OrtMemoryInfo *cpu;
		check(api().CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &cpu));
		Owner<OrtMemoryInfo> memory(cpu, api().ReleaseMemoryInfo);
		OrtValue *value, *result = nullptr;
		check(api().CreateTensorWithDataAsOrtValue(cpu, in.data.data(), in.data.size() * sizeof(float), in.shape.data(), in.shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
		Owner<OrtValue> taken(value, api().ReleaseValue);
		check(api().Run(session.get(), nullptr, &input, &value, 1, &output, 1, &result));
		Owner<OrtValue> given(result, api().ReleaseValue);
		OrtTensorTypeAndShapeInfo *info;
		check(api().GetTensorTypeAndShape(result, &info));
		Owner<OrtTensorTypeAndShapeInfo> owned(info, api().ReleaseTensorTypeAndShapeInfo);
		size_t dims, count;
		check(api().GetDimensionsCount(info, &dims));
		check(api().GetTensorShapeElementCount(info, &count));
		Tensor<T> out{std::vector<int64_t>(dims), {}};
		check(api().GetDimensions(info, out.shape.data(), dims));
		void *data;
		check(api().GetTensorMutableData(result, &data));
		out.data.assign(static_cast<T *>(data), static_cast<T *>(data) + count);
		return out;
	}

  private:
	Owner<OrtSession> session{nullptr, api().ReleaseSession};
};

} // namespace ort

template <class T>
std::vector<T> file(const fs::path &path) {
	std::ifstream f(path, std::ios::binary);
	if (!f) throw std::runtime_error(path.string() + " cannot be read");
	std::vector<char> raw(std::istreambuf_iterator<char>(f), {});
	std::vector<T> values(raw.size() / sizeof(T));
	std::copy_n(raw.data(), values.size() * sizeof(T), reinterpret_cast<char *>(values.data()));
	return values;
}

// Rows as the file has them become what the graph takes: a division, and nothing else.
ort::Tensor<float> sample(const nlohmann::json &input, const fs::path &folder) {
	ort::Tensor<float> t;
	if (fs::exists(folder / "rows.u8")) {
		auto pixels = file<uint8_t>(folder / "rows.u8");
		t.data.assign(pixels.begin(), pixels.end());
	} else {
		t.data = file<float>(folder / "rows.f32");
	}
	auto divide = static_cast<float>(input.contains("divide") ? input["divide"].get<double>() : 1 / input["scale"].get<double>());
	for (float &x : t.data) x /= divide;
	t.shape = input["shape"].get<std::vector<int64_t>>();
	auto row = std::accumulate(t.shape.begin(), t.shape.end(), int64_t{1}, std::multiplies<>());
	t.shape.insert(t.shape.begin(), static_cast<int64_t>(t.data.size()) / row);
	return t;
}

int roundtrip(const fs::path &bundle, const fs::path &folder) {
	OrtEnv *made;
	ort::check(ort::api().CreateEnv(ORT_LOGGING_LEVEL_WARNING, "roundtrip", &made));
	ort::Owner<OrtEnv> env(made, ort::api().ReleaseEnv);
	ort::Session encoder(made, bundle / "encoder.onnx"), threshold(made, bundle / "threshold.onnx"), decoder(made, bundle / "decoder.onnx");
	auto manifest = nlohmann::json::parse(std::ifstream(bundle / "manifest.json"));

	// Encode: rows to logits, logits to packed codes.
	auto rows = sample(manifest["input"], folder);
	auto logits = encoder.run<float>("sample", rows, "latent_logits");
	auto packed = threshold.run<uint8_t>("latent_logits", logits, "packed_code");

	// Decode the stored codes: bits, most significant first, as floats of the shape that the logits have.
	auto stored = file<uint8_t>(folder / "codes.u8"), near = file<uint8_t>(folder / "near.u8");
	size_t n = rows.shape[0], bits = logits.data.size() / n, bytes = stored.size() / n;
	ort::Tensor<float> code{logits.shape, std::vector<float>(logits.data.size())};
	for (size_t i = 0; i < code.data.size(); i++) {
		size_t bit = i % bits;
		code.data[i] = stored[i / bits * bytes + bit / 8] >> (7 - bit % 8) & 1;
	}
	auto rebuilt = decoder.run<float>("code", code, "reconstruction");

	// In how many bits and values do they differ? Bits that rounding may flip are left aside.
	auto wanted = file<float>(folder / "reconstruction.f32");
	if (packed.data.size() != stored.size() || near.size() != stored.size() || rebuilt.data.size() != wanted.size()) throw std::runtime_error("the sizes differ");
	size_t differ = 0, aside = 0, far = 0;
	for (size_t i = 0; i < stored.size(); i++) {
		aside += std::popcount(near[i]);
		differ += std::popcount(static_cast<uint8_t>((packed.data[i] ^ stored[i]) & ~near[i]));
	}
	for (size_t i = 0; i < wanted.size(); i++) {
		if (!(std::abs(rebuilt.data[i] - wanted[i]) <= 1e-4f * std::max(1.0f, std::abs(wanted[i])))) far++;
	}
	std::printf("bits: %zu equal, %zu differ, %zu aside; values: %zu equal, %zu differ\n", code.data.size() - differ - aside, differ, aside, wanted.size() - far, far);
	return differ + far != 0;
}

int main(int argc, char **argv) {
	if (argc != 3) {
		std::fprintf(stderr, "usage: roundtrip BUNDLE CASE\n");
		return 64;
	}
	try {
		return roundtrip(argv[1], argv[2]);
	} catch (const std::exception &e) {
		std::fprintf(stderr, "roundtrip: %s\n", e.what());
		return 1;
	}
}
