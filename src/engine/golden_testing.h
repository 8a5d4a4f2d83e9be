// For golden tests: the paths of the references, the chips a model can run on, and a reader of
// expected.safetensors.
#pragma once
#include <gtest/gtest.h>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace autark::engine {

std::filesystem::path golden(const char* kind);
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder);

// Golden checkpoints in the order of their names: up to `most` of each architecture, or all if the environment variable
// `all` says so; and all that cannot be opened, so that a test of them fails.
std::vector<std::filesystem::path> golden_checkpoints(int most, const char* all);

struct Place {  // a chip, and which of its instruction sets
  std::string chip, isa;
};
std::ostream& operator<<(std::ostream& to, const Place& p);
std::vector<Place> places();

struct Expected {  // one tensor of expected.safetensors
  std::vector<int64_t> shape;
  std::vector<float> values;      // F32, F16, BF16
  std::vector<int32_t> integers;  // I32
};

std::map<std::string, Expected> read_expected(const std::filesystem::path& path);

double rms(const std::vector<float>& x);
double worst_difference(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace autark::engine
