#include "apps/secret_file.h"
#include <fcntl.h>
#include <unistd.h>

namespace autark::apps {

void add_secret_file(const Command& c, std::filesystem::path& file) {
  c.option("--secret-file", file, "Write the secret to this new file (0600) and do not show it",
           {.kind = "FILE"});
}

std::optional<Error> fault_of_secret_file(const std::filesystem::path& file) {
  if (file.empty()) return {};
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  std::error_code failed;
  if (!std::filesystem::exists(file, failed) && std::filesystem::is_directory(folder, failed)) return {};
  return Error{Code::io, "--secret-file: " + file.string() +
                             " is there already, or its folder is not; name a new file"};
}

std::optional<Error> write_secret(const std::filesystem::path& file, const std::string& secret) {
  const int f = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (f < 0) return Error{Code::io, file.string() + " cannot be created; name a file that is not there yet"};
  const std::string line = secret + "\n";
  const bool whole = ::write(f, line.data(), line.size()) == ssize_t(line.size()) && ::fsync(f) == 0;
  if (::close(f) == 0 && whole) return {};
  return Error{Code::io, file.string() + " cannot be written; rotate the key to get another secret"};
}

}  // namespace autark::apps
