// For tests: a hub with a checkpoint and a GGUF, and a folder to pull into.
#pragma once
#include <gtest/gtest.h>
#include <cstddef>
#include <filesystem>
#include <string>
#include "hub/fake_hub.h"
#include "hub/hub.h"
#include "hub/scratch_folder.h"

namespace autark::hub {

namespace fs = std::filesystem;

std::string noise(size_t bytes, unsigned seed);

// `bytes` bytes that begin like a GGUF file. A pull checks no more than the beginning if the length is known.
std::string gguf(size_t bytes, unsigned seed);

class PullTest : public ::testing::Test {
 protected:
  PullTest();
  ~PullTest() override;
  Result<fs::path> get(const std::string& reference);
  std::string bytes_of(const std::string& path) const;

  const std::string weights;
  ScratchFolder scratch;
  FakeHub hub;
  PullOptions options;
};

}  // namespace autark::hub
