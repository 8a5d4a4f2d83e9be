#include "apps/structure_trial.h"
#include <unistd.h>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <string_view>
#include "text/structure.h"

namespace autark::apps {
namespace {

constexpr const char* kArgument = "try-structure";

// Files and connections of the server must not stay open because of this process.
void close_inherited() {
  std::error_code ec;
  std::vector<int> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ec))
    open.push_back(std::stoi(entry.path().filename().string()));
  for (const int fd : open) {
    if (fd > STDERR_FILENO) close(fd);
  }
}

}  // namespace

std::vector<std::string> structure_trial() {
  return {"/proc/self/exe", kArgument};
}

std::optional<int> answer_structure_trial(int argc, const char* const* argv) {
  if (argc != 3 || std::string_view(argv[1]) != kArgument) return {};
  close_inherited();
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  std::cout << text::try_structure(argv[2], text) << std::flush;
  return std::cout ? 0 : 1;
}

}  // namespace autark::apps
