#include "hub/process.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

extern char** environ;

namespace autark::hub {
namespace {

constexpr std::streamoff kErrorsKept = 64 << 10;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> all;
  for (char** at = environ; *at; ++at) {
    const std::string_view entry(*at);
    bool replaced = false;
    for (const auto& [name, value] : more) replaced |= entry.starts_with(name + "=");
    if (!replaced) all.emplace_back(entry);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

std::string tail_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? std::streamoff(file.tellg()) : 0;
  file.seekg(std::max<std::streamoff>(0, size - kErrorsKept));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

int wait_for(pid_t child, const std::function<void()>& every) {
  using namespace std::chrono_literals;
  for (int tick = 1;; ++tick) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (ended < 0 && errno != EINTR) return 127;
    std::this_thread::sleep_for(20ms);
    if (every && tick % 10 == 0) every();
  }
}

}  // namespace

Result<Ended> run_process(const Process& process) {
  const std::filesystem::path errors = process.folder / "errors.txt";
  const std::vector<std::string> environment = environment_with(process.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Not in the user's working folder: a file pip.py there would be run instead of pip.
  posix_spawn_file_actions_addchdir_np(&actions, process.folder.c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "errors.txt", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  pid_t child = 0;
  const int fault = ::posix_spawnp(&child, process.command.front().c_str(), &actions, nullptr,
                                   pointers(process.command).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (fault)
    return Error{Code::not_found, process.command.front() + " cannot be run: " + std::strerror(fault)};
  Ended ended;
  ended.status = wait_for(child, process.every);
  ended.errors = tail_of(errors);
  return ended;
}

}  // namespace autark::hub
