#include "hub/pull_testing.h"
#include <chrono>
#include <random>
#include "base/mapped_file.h"

namespace autark::hub {

std::string noise(size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::string gguf(size_t bytes, unsigned seed) {
  return "GGUF" + noise(bytes - 4, seed);
}

PullTest::PullTest() : weights(gguf(1'000'000, 7)), hub(scratch / "served") {
  hub.write("org/model/config.json", R"({"architectures":["X"]})");
  hub.write("org/model/tokenizer.json", "{}");
  hub.write("org/model/chat_template.jinja", "{{ x }}");
  hub.write("org/model/model.safetensors.index.json", "{}");
  hub.write("org/model/model-00001-of-00002.safetensors", weights);
  hub.write("org/model/model-00002-of-00002.safetensors", "more");
  hub.write("org/model/consolidated.safetensors", "twice");
  hub.write("org/model/README.md", "no");
  hub.write("org/model/.gitattributes", "no");
  hub.write("org/model/onnx/model.onnx", "no");
  hub.write("org/one-GGUF/one.Q4.gguf", weights);
  options.hf_host = options.modelscope_host = hub.host();
  options.into = scratch / "models";
  options.tries = 2;
  options.pause = std::chrono::milliseconds(1);
}

PullTest::~PullTest() = default;

Result<fs::path> PullTest::get(const std::string& reference) {
  return pull(reference, options);
}

std::string PullTest::bytes_of(const std::string& path) const {
  const auto text = read_file(scratch / "models" / path);
  return text ? *text : "(absent)";
}

}  // namespace autark::hub
