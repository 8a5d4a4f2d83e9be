// For tests: a hub with a checkpoint and a GGUF, and a folder to pull into.
#pragma once
#include <gtest/gtest.h>
#include <random>
#include "hub/fake_hub.h"
#include "hub/hub.h"
#include "hub/scratch_folder.h"

namespace autark::hub {

namespace fs = std::filesystem;

inline std::string noise(size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// `bytes` bytes that begin like a GGUF file. A pull checks no more than the beginning if the length is known.
inline std::string gguf(size_t bytes, unsigned seed) {
  return "GGUF" + noise(bytes - 4, seed);
}

class PullTest : public ::testing::Test {
 protected:
  PullTest() : hub(scratch / "served") {
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
  Result<fs::path> get(const std::string& reference) { return pull(reference, options); }
  std::string bytes_of(const std::string& path) const {
    const auto text = read_file(scratch / "models" / path);
    return text ? *text : "(absent)";
  }

  const std::string weights = gguf(1'000'000, 7);
  ScratchFolder scratch;
  FakeHub hub;
  PullOptions options;
};

}  // namespace autark::hub
