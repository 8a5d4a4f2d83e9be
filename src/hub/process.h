// Runs a program and waits for it.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>
#include "base/result.h"

namespace autark::hub {

struct Process {
  std::vector<std::string> command;  // found along PATH; no shell
  std::filesystem::path folder;      // where it runs; its standard error is kept here while it does
  std::vector<std::pair<std::string, std::string>> environment;  // besides ours
  std::function<void()> every;                                   // called about five times a second
};

struct Ended {
  int status = 0;      // as exit() was told; 128 + n after signal n
  std::string errors;  // the standard error, at most its last 64 KiB
};

// An Error when the program cannot be started. Its standard output is thrown away.
Result<Ended> run_process(const Process& process);

}  // namespace autark::hub
